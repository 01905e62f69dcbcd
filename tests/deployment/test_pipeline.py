"""The pipeline's own steps, from its YAML, in a clean clone, for three nights and a bad one."""

import getpass
import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
import yaml
from backports import zstd
from playwright.sync_api import expect

from tests.browsing import Visit
from tests.conftest import SAMPLES
from tests.deployment.services import REPOSITORY, GitHub, Service, served
from tests.deployment.steps import PAGES, Runner
from tests.support.storage import BUCKET, endpoint, storage
from tests.obtain.test_sftp import Ssh, ssh
from tests.truth import Night, london_day, visible_logins

__all__ = ["ssh"]  # fixtures

PROJECT = Path(__file__).parents[2]
WORKFLOWS = PROJECT / ".github" / "workflows"
PIPELINE = WORKFLOWS / "pipeline.yml"
MORNING, RETRY = "47 5 * * *", "23 8 * * *"
CHECK = "3f1c-this-check-is-a-secret"
LAST_RUN = f"GET {REPOSITORY}/actions/workflows/pipeline.yml/runs"


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run a real S3-compatible service, and yield the settings that lead to it."""
    place = tmp_path / "storage"
    place.mkdir()
    with storage(place) as port:
        settings = endpoint(port)
        httpx.put(f"{settings['AWS_ENDPOINT_URL']}/{BUCKET}").raise_for_status()
        yield settings


@pytest.fixture
def github() -> Iterator[GitHub]:
    service = GitHub()
    with served(service):
        yield service


@pytest.fixture
def check_ins() -> Iterator[Service]:
    service = Service()
    with served(service):
        yield service


@pytest.fixture
def runner(
    tmp_path: Path, ssh: Ssh, bucket: dict[str, str], github: GitHub, check_ins: Service
) -> Runner:
    link = tmp_path / "backups" / "latest-db.sqlite3.zst"
    secrets = {
        "ETHELRED_SOURCE_OPENCODELISTS": f"sftp://{getpass.getuser()}@127.0.0.1:{ssh.port}{link}",
        "ETHELRED_SSH_KEY": ssh.key.read_text(),
        "ETHELRED_CHECK_IN_URL": f"{check_ins.url}/{CHECK}",
        "AWS_ACCESS_KEY_ID": bucket["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": bucket["AWS_SECRET_ACCESS_KEY"],
    }
    variables = {
        "ETHELRED_SSH_KNOWN_HOSTS": ssh.known(),
        "ETHELRED_DATASTORE": f"s3://{BUCKET}/ethelred",
        "ETHELRED_MAX_AGE": "1000000",  # the sample nights are long ago
        "AWS_REGION": bucket["AWS_REGION"],
        "AWS_ENDPOINT_URL": bucket["AWS_ENDPOINT_URL"],
    }
    settings = {"secrets": secrets, "vars": variables}
    return Runner(PROJECT, tmp_path / "github", settings, github.url)


def back_up(night: Night, folder: Path, *, cut: bool = False) -> None:
    """Put a night's copy where the backup job puts it, whole or cut short."""
    folder.mkdir(exist_ok=True)
    copy = folder / night.raw.name
    shutil.copy2(night.raw, copy)
    if cut:
        copy.write_bytes(copy.read_bytes()[:9000])
    link = folder / "latest-db.sqlite3.zst"
    link.unlink(missing_ok=True)
    link.symlink_to(copy.name)


def objects(bucket: dict[str, str]) -> dict[str, bytes]:
    """Return what is in the bucket, byte for byte."""
    root = f"{bucket['AWS_ENDPOINT_URL']}/{BUCKET}"
    listed = httpx.get(root, params={"list-type": "2"}).raise_for_status().text
    keys = re.findall(r"<Key>(.*?)</Key>", listed)
    assert keys
    return {key: httpx.get(f"{root}/{key}").raise_for_status().content for key in keys}


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder with their contents."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def people(nights: list[Night]) -> set[bytes]:
    """Return the names and addresses of the users in the nights' copies."""
    found: set[str] = set()
    for night in nights:
        with TemporaryDirectory() as folder:
            copy = Path(folder, "copy.sqlite3")
            with zstd.open(night.raw) as packed:
                copy.write_bytes(packed.read())
            with closing(sqlite3.connect(copy)) as connection:
                rows = connection.execute("select username, name, email from opencodelists_user")
                found |= {value for row in rows for value in row if value and len(value) > 5}
    assert len(found) > 300
    return {value.encode() for value in found}


class Silent(SimpleHTTPRequestHandler):
    """A plain web server: GitHub Pages has no rules for this site either."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hosted(published: Path, name: str) -> Iterator[str]:
    """Serve what was published as a project's pages, and yield its address."""
    root = published.with_name("pages")
    shutil.copytree(published, root / name)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{name}/"
        server.shutdown()
        thread.join()


def summary_of(runner: Runner) -> dict[str, Any]:
    """Return the summary that the last run kept as an artefact."""
    text = (runner.artefacts / "summary" / "summary.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def results(runner: Runner, *arguments: Any, **more: Any) -> list[str]:
    """Run the pipeline; return the results of its jobs build and deploy. The third always runs."""
    found = runner.run(PIPELINE, *arguments, **more)
    assert list(found) == ["build", "deploy", "tell"]
    assert found["tell"] == "success", runner.log
    return [found["build"], found["deploy"]]


@pytest.mark.slow
@pytest.mark.xdist_group("site")
def test_three_nights_and_a_bad_one_end_with_the_site(
    runner: Runner,
    nights: list[Night],
    tmp_path: Path,
    visit: Visit,
    bucket: dict[str, str],
    github: GitHub,
    check_ins: Service,
) -> None:
    backups = tmp_path / "backups"
    began, failed, ended = (f"GET /{CHECK}{what}" for what in ("/start", "/fail", ""))

    # The first run on a new fork explains itself, and is heard of.
    back_up(nights[0], backups)
    assert results(runner, schedule=MORNING) == ["failure", "skipped"], runner.log
    assert "--init" in runner.log
    assert "--init" in github.issues[0]["body"]
    assert summary_of(runner)["exit_code"] == 5
    assert check_ins.asked() == [began, failed]

    assert results(runner, {"init": "true"}) == ["success", "success"], runner.log
    assert "144 new logins" in runner.log
    assert github.issues[0]["state"] == "closed"
    assert check_ins.asked() == [began, ended]
    assert "| opencodelists | 2026-03-21T02:00:" in runner.summary.read_text()
    assert PAGES in runner.summary.read_text()

    # A bad night leaves the site as it was; the retry of the same morning finds a whole copy.
    first = contents(runner.published)
    back_up(nights[1], backups, cut=True)
    assert results(runner, schedule=MORNING) == ["failure", "skipped"]
    assert "cut short" in runner.log
    assert contents(runner.published) == first
    assert [issue["state"] for issue in github.issues] == ["closed", "open"]
    assert "cut short" in github.issues[1]["body"]
    back_up(nights[1], backups)
    github.scheduled_runs = ["failure"]
    assert results(runner, schedule=RETRY) == ["success", "success"], runner.log
    assert [issue["state"] for issue in github.issues] == ["closed", "closed"]
    assert check_ins.asked() == [began, failed, began, ended]

    back_up(nights[2], backups)
    assert results(runner, schedule=MORNING) == ["success", "success"], runner.log
    (platform,) = summary_of(runner)["platforms"]
    assert summary_of(runner)["logins"] == platform["logins"] == 149
    assert (platform["copies_read"], platform["gaps"]) == (1, [])
    github.asked(), check_ins.asked()

    # A dry run of two other copies changes nothing, and tells nobody.
    third, before = contents(runner.published), objects(bucket)
    server = runner.settings["secrets"]["ETHELRED_SOURCE_OPENCODELISTS"].partition(str(backups))[0]
    several = " ".join(f"{server}{night.sanitised}" for night in nights[3:5])
    assert results(runner, {"backfill": several, "dry_run": "true"}) == ["success", "skipped"]
    assert "from 2 new copies" in runner.log
    assert summary_of(runner)["outcome"] == "dry run"
    assert "dry run" in runner.summary.read_text()
    assert objects(bucket) == before
    assert (github.asked(), check_ins.asked()) == ([], [])

    # The retry does nothing after a run that went well and found a copy of this morning.
    (backups / "latest-db.sqlite3.zst").unlink()
    of_today(nights[3], backups / "today.sqlite3.zst")
    append_by_hand(runner, bucket, backups / "today.sqlite3.zst")
    github.scheduled_runs = ["success"]
    assert results(runner, schedule=RETRY) == ["success", "skipped"], runner.log
    assert "nothing to obtain" in runner.log
    assert summary_of(runner)["outcome"] == "up to date"
    assert check_ins.asked() == [began, ended]
    assert [line.partition("?")[0] for line in github.asked()] == [LAST_RUN]
    assert contents(runner.published) == third

    (tmp_path / "log").write_text(runner.logs)
    check_the_site(runner.published, nights[:3], visit)
    check_nothing_leaks(runner, github, nights)
    check_nothing_is_left(runner)


def of_today(night: Night, copy: Path) -> None:
    """Make a copy that was taken an hour ago."""
    copy.write_bytes(night.raw.read_bytes())
    taken = time.time() - 3600
    os.utime(copy, (taken, taken))


def append_by_hand(runner: Runner, bucket: dict[str, str], copy: Path) -> None:
    """Append a copy to the datastore from this machine."""
    program = runner.home / "jobs" / "build" / ".venv" / "bin" / "ethelred"
    address = runner.settings["vars"]["ETHELRED_DATASTORE"]
    subprocess.run(
        [program, "build", copy, "--datastore", address],
        env=os.environ | bucket,
        check=True,
        capture_output=True,
    )


def check_the_site(published: Path, nights: list[Night], visit: Visit) -> None:
    """Look at the site in a browser: its figures are those of the nights' ground truth."""
    per_day = Counter(
        london_day(moment) for moment, _ in visible_logins(SAMPLES / "opencodelists", nights)
    )
    with hosted(published, "logins") as url:
        page = visit.context.new_page()
        page.goto(url, wait_until="networkidle")
        figure = page.get_by_test_id("logins-last-finished-day").first
        expect(figure).to_have_attribute("value", str(per_day[date(2026, 3, 22)]))
        expect(page.get_by_test_id("newest-copy").first).to_have_text("23 March 2026")
    assert visit.errors == []


def check_nothing_leaks(runner: Runner, github: GitHub, nights: list[Night]) -> None:
    """Look for secrets and people in all that others can read."""
    told = json.dumps([github.issues, github.comments])
    texts = (runner.logs + told + runner.summary.read_text()).encode()
    readable = [texts, *contents(runner.artefacts).values()]
    secrets = runner.settings["secrets"]
    hidden = [secrets["AWS_SECRET_ACCESS_KEY"], CHECK, "the-token-of-this-run"]
    hidden += secrets["ETHELRED_SSH_KEY"].splitlines()[1:-1]
    hidden += [secrets["ETHELRED_SOURCE_OPENCODELISTS"]]
    assert [one for one in hidden if any(one.encode() in content for content in readable)] == []
    assert b"sftp://" not in contents(runner.artefacts / "summary")["summary.json"]
    assert "sftp://" not in told
    named = re.compile(b"|".join(rb"\b%b\b" % re.escape(one) for one in people(nights)))
    assert [found for content in readable if (found := named.search(content))] == []


def check_nothing_is_left(runner: Runner) -> None:
    """See that nothing was written but to the clone, and to the caches of the installers."""
    assert {path.name for path in (runner.home / "temporary").iterdir()} <= {"node-compile-cache"}
    assert {path.name for path in (runner.home / "user").iterdir()} <= {".cache", ".npm"}
    clone = runner.home / "jobs" / "build"
    changed = ["git", "status", "--porcelain"]
    assert subprocess.check_output(changed, cwd=clone, text=True) == ""


def test_keep_alive_enables_each_workflow_with_a_schedule(tmp_path: Path, github: GitHub) -> None:
    runner = Runner(PROJECT, tmp_path / "github", {"secrets": {}, "vars": {}}, github.url)
    assert runner.run(WORKFLOWS / "keep-alive.yml") == {"enable": "success"}, runner.log
    scheduled = [path.name for path in WORKFLOWS.glob("*.yml") if "schedule:" in path.read_text()]
    assert sorted(github.enabled) == sorted(scheduled)
    github.status = 403
    assert runner.run(WORKFLOWS / "keep-alive.yml") == {"enable": "failure"}


def test_every_job_says_its_permissions_and_its_time() -> None:
    for path in WORKFLOWS.glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            assert {"permissions", "timeout-minutes"} <= set(job)
            assert "contents" not in job["permissions"] or job["permissions"]["contents"] == "read"
