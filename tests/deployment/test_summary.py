"""A run's summary, dry runs, and the retry of the morning."""

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ethelred_runner.append.result import Appended
from ethelred_runner.cli import run
from ethelred_runner.obtain.copy_requests import requests_for
from ethelred_runner.watch.outcome import Outcome
from tests.support.datastores import execute
from tests.support.program import Ethelred
from tests.support.services import Service, served
from tests.support.truth import Night

SOURCE = "ETHELRED_SOURCE_OPENCODELISTS"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    return tmp_path / "told" / "summary.json"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "ethelred.duckdb"


@pytest.fixture
def settings(store: Path, summary: Path, nights: list[Night]) -> dict[str, str]:
    return {
        "ETHELRED_DATASTORE": str(store),
        "ETHELRED_SUMMARY": str(summary),
        "ETHELRED_NO_REPORT": "true",
        SOURCE: str(nights[0].raw),
    }


def assert_summed_up(told: dict[str, Any], night: Night) -> None:
    """Check the summary of a first run that reads one copy, which is old."""
    assert (told["outcome"], told["exit_code"], told["error"]) == ("done", 0, None)
    started, finished = map(datetime.fromisoformat, (told["started_at"], told["finished_at"]))
    assert timedelta(0) <= datetime.now(UTC) - finished <= datetime.now(UTC) - started
    (platform,) = told["platforms"]
    assert platform["newest_copy_taken_at"] == f"{night.taken_at:%Y-%m-%dT%H}:00:00Z"
    age = (datetime.now(UTC) - night.taken_at).total_seconds() / 3600
    assert abs(platform["newest_copy_age_hours"] - age) < 0.2
    assert platform["is_stale"]
    assert platform["new_logins"] == platform["logins"] == told["logins"] == 144
    assert platform["copies_read"] == 1
    assert any("is its backup job at work?" in warning for warning in told["warnings"])


def test_a_failure_is_summed_up_without_the_source(
    ethelred: Ethelred, summary: Path, settings: dict[str, str]
) -> None:
    summary.parent.mkdir()
    summary.symlink_to("target.json")
    summary.write_text("of an earlier run")
    with served(host := Service(status=404)):
        source = f"{host.url}/backups/latest-db.sqlite3.zst?token=hunter2"
        done = ethelred("run", "--init", code=3, **settings | {SOURCE: source})
    assert host.url in done.stderr
    told = read(summary)
    assert (told["outcome"], told["exit_code"], told["platforms"]) == ("failed", 3, [])
    assert told["error"].startswith("the source")
    assert [
        part for part in ("127.0.0.1", "hunter2", "backups") if part in summary.read_text()
    ] == []
    assert summary.is_symlink()


def test_a_run_that_can_not_begin_is_summed_up(ethelred: Ethelred, summary: Path) -> None:
    ethelred("run", "--summary", summary, code=2)
    assert read(summary)["exit_code"] == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to any user")
def test_a_first_summary_belongs_to_whom_its_folder_belongs(
    ethelred: Ethelred, summary: Path, tmp_path: Path
) -> None:
    os.chown(tmp_path, 1234, 4321)
    ethelred("run", "--summary", summary, code=2)
    for path in (summary.parent, summary):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)
    os.chown(summary, 5, -1)
    ethelred("run", "--summary", summary, code=2)
    assert summary.stat().st_uid == 5  # an operator gave it to somebody


def test_a_summary_that_can_not_be_written_is_said_before_anything_is_done(
    ethelred: Ethelred, store: Path, settings: dict[str, str]
) -> None:
    done = ethelred("run", "--init", code=2, **settings | {"ETHELRED_SUMMARY": "/proc/none"})
    assert "--summary /proc/none can't be written" in done.stderr
    assert not store.exists()


def digests(folder: Path) -> dict[str, tuple[str, int]]:
    """Return the hashes of all files in a folder except the lock."""
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def test_a_run_is_summed_up_and_a_dry_run_leaves_the_datastore_as_it_was(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path, summary: Path, settings: dict[str, str]
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    settings |= {"ETHELRED_DATASTORE": str(here / "ethelred.duckdb")}
    settings |= {"ETHELRED_WORK_DIR": str(tmp_path / "work")}
    assert "144 new logins" in ethelred("run", "--dry-run", "--init", **settings).stdout
    assert digests(here) == {}
    assert "no datastore" in ethelred("run", "--dry-run", code=5, **settings).stderr
    ethelred("run", "--init", "--warn-after", "36", **settings)
    assert_summed_up(read(summary), nights[0])
    before = digests(here)
    done = ethelred("run", "--dry-run", str(nights[1].raw), **settings)
    assert "new logins from 1 new copy" in done.stdout
    assert "is as it was" in done.stdout
    assert digests(here) == before
    told = read(summary)
    assert (told["outcome"], told["dry_run"]) == ("dry run", True)
    assert told["logins"] > 144
    assert list((tmp_path / "work").iterdir()) == []


def test_a_run_does_nothing_if_the_newest_copy_is_young_enough(
    datastore: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, site = tmp_path / "ethelred.duckdb", tmp_path / "site"
    done: list[str] = []
    newest = "taken_at = (select max(taken_at) from copies)"
    taken = "taken_at = now()::timestamp - interval 3 hours"
    shutil.copyfile(datastore, store)
    execute(store, "set timezone = 'UTC'", f"update copies set {taken} where {newest}")

    def do(what: str, *_: object, **__: object) -> Appended:
        done.append(what)
        return Appended()

    monkeypatch.setattr(run, "append", partial(do, "obtained"))
    monkeypatch.setattr(run, "build_site", partial(do, "built"))
    requests = requests_for(["/no/copy"], "opencodelists", None)
    job = partial(run.run_job, requests, str(store), init=False, site=site)
    job(outcome := Outcome(), skip_if_fresh_hours=8)
    # An earlier run may have failed to build or publish the site.
    assert (outcome.kind, done) == ("up to date", ["built"])
    job(Outcome(), skip_if_fresh_hours=2)
    assert done == ["built", "obtained", "built"]
    job(Outcome(dry_run=True), skip_if_fresh_hours=8)  # R5
    assert done == ["built", "obtained", "built"]
