"""The commands of docs/own-machine.md and docs/runbook.md, typed as they are.

The test's own folders replace those of the system. Programs that only root or a booted machine can
run are replaced by one that records how it was called.
"""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.deployment.test_pipeline import bucket, heartbeats, objects, of_today
from tests.support.program import PROGRAM, PROJECT
from tests.support.servers import needed
from tests.support.services import Service
from tests.support.storage import BUCKET
from tests.support.truth import Night

__all__ = ["bucket", "heartbeats"]  # fixtures

DOCS = PROJECT / "docs"
FOLDERS = ("bin", "srv", "var/lib/ethelred", "etc/systemd/system", "etc/nginx/conf.d")
CHECKOUT = "srv/ethelred"
BLOCK = re.compile(r"^```(sh|ini|cron)\n(.*?)^```", re.M | re.S)
NOTED = ("apt-get", "adduser", "chown", "systemctl", "journalctl", "nginx")


@dataclass
class Machine:
    """A machine whose folders are in a folder of the test."""

    root: Path
    settings: dict[str, str]
    changes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.changes |= {f"/{name}/": f"{self.root}/{name}/" for name in ("srv", "etc", "var")}
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True)
        programs = self.root / "bin"
        for name in NOTED:
            (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {self.root}/noted\n')
            (programs / name).chmod(0o755)
        (programs / "make").symlink_to(PROJECT / "tests" / "deployment" / "bin" / "make")
        self.settings |= {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(self.root / "var/lib/ethelred"),
            "PYTHONPATH": str(self.root / "srv/ethelred"),  # what `make setup` would install
            "STAND_IN_INSTALLED": str(PROJECT),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{self.root}/upstream.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://github.com/YOU/ethelred",
            "NO_PROXY": "127.0.0.1",
        }

    def here(self, text: str) -> str:
        """Return a text with the paths and addresses of this machine."""
        for one, other in self.changes.items():
            text = text.replace(one, other)
        return text

    def type(self, commands: str, folder: str = "") -> str:
        """Type commands as they are, and return what they print."""
        done = subprocess.run(
            ["sh", "-euc", self.here(commands)],
            cwd=self.root / folder,
            env=self.settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        return done.stdout


def blocks(document: str, *headings: str) -> list[str]:
    """Return the commands of a document, or only those below some headings."""
    text = (DOCS / document).read_text()
    parts = re.split(r"^(?=## |\*\*)", text, flags=re.M)
    chosen = [part for part in parts if not headings or part.lstrip("#* ").startswith(headings)]
    return [match[2] for part in chosen for match in BLOCK.finditer(part)]


@pytest.fixture
def machine(
    tmp_path: Path, bucket: dict[str, str], heartbeats: Service, nights: list[Night]
) -> Machine:
    of_today(nights[0], tmp_path / "today.sqlite3.zst")
    changes = {
        "sftp://user@host/path/sanitised-latest-db.sqlite3.zst": f"{tmp_path}/today.sqlite3.zst",
        "https://hc-ping.com/your-uuid": f"{heartbeats.url}/check?rid=1&a=b",
        "s3://bucket/": f"s3://{BUCKET}/",
        "s3://second/": f"s3://{BUCKET}/second/",
    }
    return Machine(tmp_path / "machine", dict(bucket), changes)


@pytest.mark.dice
@pytest.mark.slow
@pytest.mark.xdist_group("reports")
def test_a_machine_of_ones_own_is_set_up_upgraded_moved_and_lost(
    machine: Machine, heartbeats: Service, bucket: dict[str, str]
) -> None:
    machine.type(f"git clone --quiet {PROJECT} upstream")
    install, settings, first_run, systemd, cron, nginx = blocks("own-machine.md")
    machine.type(install)
    (machine.root / "etc/ethelred.env").write_text(machine.here(settings))
    assert "the site is in" in machine.type(first_run)
    assert (machine.root / "srv/www/ethelred/index.html").is_file()
    machine.type(systemd)
    machine.type(nginx)
    noted = (machine.root / "noted").read_text()
    assert "systemctl enable --now ethelred.timer" in noted
    assert "nginx -t" in noted

    machine.settings["ETHELRED_NO_REPORT"] = "true"
    load = "set -a; . /etc/ethelred.env; set +a\n"
    for command in commands_of(machine.root / "etc/systemd/system/ethelred.service"):
        machine.type(load + command)
    assert heartbeats.asked() == [f"GET /check{end}?rid=1&a=b" for end in ("/start", "")]
    (failed,) = commands_of(machine.root / "etc/systemd/system/ethelred-failed.service")
    machine.type(load + failed)
    assert heartbeats.asked() == ["GET /check/fail?rid=1&a=b"]
    for line in cron.splitlines():
        machine.type(re.sub(r"^(\S+ +){5}", "", line))
    asked = [f"GET /check{end}?rid=1&a=b" for end in ("/start", "", "")]
    assert heartbeats.asked() == asked

    upstream = "git -C upstream -c user.name=me -c user.email=me@example.org"
    machine.type(f"{upstream} commit --quiet --allow-empty --message 'A newer version'")
    (upgrade,), (back,) = blocks("runbook.md", "Upgrade"), blocks("runbook.md", "Roll back")
    (move,), drill = blocks("runbook.md", "Move"), blocks("runbook.md", "The drill")
    assert "no site was built" in machine.type(load + upgrade, CHECKOUT)
    assert "version 1" in machine.type(load + back, CHECKOUT)
    assert "144" in machine.type(load + move, CHECKOUT)
    again = ".venv/bin/ethelred import /var/lib/ethelred/export"  # as weekly.yml does
    machine.type(f"{again} --datastore s3://second/ethelred/2026-11-25T0713", CHECKOUT)
    assert ["144" in machine.type(block, CHECKOUT) for block in drill] == [True, True]
    assert {key.partition("/")[0] for key in objects(bucket)} == {"ethelred", "second", "trial"}


def commands_of(unit: Path) -> list[str]:
    """Return the commands of a unit, without systemd's minus sign in front."""
    lines = re.findall(r"^Exec\w+=-?(.*)$", unit.read_text(), re.M)
    assert lines
    return lines


def test_settings_are_read_the_same_by_systemd_cron_and_a_shell(tmp_path: Path) -> None:
    """All of them leave text in single quotes as it is, if it has no quote or backslash."""
    settings = blocks("own-machine.md")[1]
    written = dict(re.findall(r"^([A-Z_]+)='([^'\\]*)'$", settings, re.M))
    assert len(written) == len(settings.splitlines()) > 4
    (tmp_path / "env").write_text(settings + "ODD='a&b?c $d #e \"f'\n")
    command = ["sh", "-c", "set -a; . ./env; env"]
    read = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
    found = dict(line.split("=", 1) for line in read.stdout.splitlines())
    assert found.items() >= written.items()
    assert found["ODD"] == 'a&b?c $d #e "f'


def test_a_server_that_cannot_be_reached_pushes_its_copy(
    tmp_path: Path, bucket: dict[str, str], nights: list[Night]
) -> None:
    url = f"{bucket['AWS_ENDPOINT_URL']}/{BUCKET}/copies/latest.zst"
    needed("curl", "curl")
    push: list[str | Path] = [PROJECT / "scripts" / "push-copy", nights[0].raw, url]
    subprocess.run(push, env=os.environ | bucket, check=True, capture_output=True)
    source = f"s3://{BUCKET}/copies/latest.zst"
    command: list[str | Path] = [PROGRAM, "obtain", source, "--to", tmp_path / "copies"]
    subprocess.run(command, env=os.environ | bucket, check=True, capture_output=True)
    assert httpx.get(url).content == nights[0].raw.read_bytes()
    wrong = bucket | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    refused = subprocess.run(
        push, env=os.environ | wrong, check=False, capture_output=True, text=True
    )
    assert refused.returncode != 0
    assert "403" in refused.stderr
