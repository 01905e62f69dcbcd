"""A report that can't be built fails, and leaves the last good site byte for byte."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import duckdb
import pytest

from ethelred_runner.errors import ReportFailed
from ethelred_runner.report.evidence import run_for_report
from ethelred_runner.report.site import MARKER, exchange, resolve_site, swap_in
from tests.support.program import PROGRAM, Ethelred, contents

pytestmark = [pytest.mark.site, pytest.mark.xdist_group("reports")]

FAULTS = {
    "a published mart": ("drop table day_notes", "query day_notes fails"),
    "a download": ("alter table feed_entries rename title to heading", "query feed.xml.sql fails"),
    "a missing mart": ("drop table platform_headlines", "platform_headlines does not exist"),
    "an empty mart": ("delete from logins_timeseries", "logins_timeseries (opencodelists)"),
    "no mart of a platform": (
        "delete from active_users_per_day where platform = 'opencodelists'",
        "nothing to show of them in active_users_per_day (opencodelists)",
    ),
    # A query that only the platforms' pages have.
    "a page query": ("alter table unusual_days rename day to date", "Error of /platforms/"),
}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Return a folder like a good site."""
    folder = tmp_path / "good" / "site"
    (folder / "data").mkdir(parents=True)
    for name in (MARKER, "index.html", "data/figures.csv"):
        (folder / name).write_text("of a report")
    return folder


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_report_leaves_the_last_good_site(
    ethelred: Ethelred, demo_datastore: Path, tmp_path: Path, good: Path, fault: str
) -> None:
    statement, said = FAULTS[fault]
    store, before = tmp_path / "ethelred.duckdb", contents(good)
    shutil.copyfile(demo_datastore, store)
    with closing(duckdb.connect(store)) as connection:
        connection.execute(statement)
    done = ethelred("report", "--datastore", store, "--site", good, code=7)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(good) == before
    assert list(good.parent.iterdir()) == [good]


def told_of(folder: Path, lines: list[str], status: int) -> str:
    """Return the error for a build that prints some lines."""
    command = [sys.executable, "-c", f"print(*{lines}, sep='\\n'); raise SystemExit({status})"]
    with pytest.raises(ReportFailed) as failure:
        run_for_report(command, folder, "building the site", "told.log", {})
    return str(failure.value)


def test_a_page_that_cannot_be_compiled_is_named(tmp_path: Path) -> None:
    lines = ["error during build:", "[vite-plugin-svelte] 'Warningz' is not defined"]
    lines += ["file: /x/pages/about/+page.md", "    at errorHandler (/x/config.js:33:9)"]
    told = told_of(tmp_path, lines, status=1)
    assert told.splitlines()[1:4] == lines[:3]
    assert "errorHandler" not in told


def test_a_page_that_cannot_be_made_is_named_with_the_cause(tmp_path: Path) -> None:
    lines = ["[ERROR]:  Internal Error | /big", "Error of /big/: 'loggins' is not a column"] * 3
    lines += ["Error: 500 /big/ (linked from /big)"]
    told = told_of(tmp_path, lines, status=1).splitlines()
    assert told[1:4] == lines[-3:]
    assert told[4].startswith("If an older version built this datastore, append a new copy")
    lines = ["Error: The following routes were marked as prerenderable", "  - /weekday/[platform]"]
    assert told_of(tmp_path, lines, status=1).splitlines()[1:3] == lines


def test_a_query_that_evidence_shows_as_an_error_ends_the_build(tmp_path: Path) -> None:
    line = "users | Error in Query! Binder Error: Referenced column nosuch not found"
    assert line in told_of(tmp_path, ["Building", line, "Done"], status=0)


def test_a_folder_that_no_report_has_made_is_never_replaced(
    ethelred: Ethelred, demo_datastore: Path, tmp_path: Path
) -> None:
    history = tmp_path / "history"
    history.mkdir()
    (history / "ethelred.duckdb").write_bytes(b"all there is")
    for site in (history, history / "ethelred.duckdb", tmp_path / "history" / ".." / "history"):
        done = ethelred("report", "--datastore", demo_datastore, "--site", site, code=7)
        assert str(site) in done.stderr
        assert "building" not in done.stderr  # it is reported before any building
    assert (history / "ethelred.duckdb").read_bytes() == b"all there is"


def at_work_in(folder: Path) -> list[tuple[bytes, bytes]]:
    """Return the command and the environment of each program at work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str((process / "cwd").readlink()).startswith(str(folder)):
                found.append(
                    ((process / "cmdline").read_bytes(), (process / "environ").read_bytes())
                )
    return found


def test_a_killed_report_is_in_no_later_ones_way_and_its_programs_know_no_secret(
    ethelred: Ethelred, datastore: Path, tmp_path: Path
) -> None:
    work, site = tmp_path / "work", tmp_path / "site"
    broken = shutil.copyfile(datastore, tmp_path / "broken.duckdb")
    with closing(duckdb.connect(broken)) as connection:
        connection.execute("drop table platform_headlines")
    settings = {"ETHELRED_WORK_DIR": str(work), "HOME": str(tmp_path / "nobody")}
    settings |= dict.fromkeys(["AWS_SECRET_ACCESS_KEY", "NPM_TOKEN", "npm_config_x"], "hunter2")
    command: list[str | Path] = [PROGRAM, "report", "--datastore", datastore, "--site", site]
    with subprocess.Popen(command, env=os.environ | settings) as report:
        while not any(b"vite" in program for program, _ in at_work_in(work)):
            assert report.poll() is None
            time.sleep(0.05)
        environments = [variables for _, variables in at_work_in(work)]
        report.kill()
    assert [one for one in environments if b"hunter2" in one or b"nobody" in one] == []
    assert all(b"npm_config_offline=true" in one for one in environments)  # npm asks no registry
    # It fails at once, but not before the killed report's programs have ended.
    ethelred("report", "--datastore", broken, "--site", site, code=7, **settings)
    assert (at_work_in(work), list(work.iterdir())) == ([], [])


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return a site as Evidence has built it."""
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "index.html").write_text("new")
    return folder


@pytest.mark.parametrize("is_atomic", [True, False])
def test_a_site_is_replaced_whole_and_keeps_its_mode(
    tmp_path: Path, built: Path, is_atomic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_atomic:
        monkeypatch.setattr("ethelred_runner.report.site.RENAME_EXCHANGE", 255)  # unknown here
    place = tmp_path / "web" / "site"
    place.mkdir(parents=True, mode=0o750)
    (place / "old.html").touch()
    (place.parent / ".htaccess").touch()
    swap_in(built, place)
    assert [path.name for path in place.iterdir()] == ["index.html"]
    assert place.stat().st_mode & 0o777 == 0o750
    assert {path.name for path in place.parent.iterdir()} == {".htaccess", "site"}
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "gone", place)
    assert [path.name for path in place.iterdir()] == ["index.html"]


def test_a_full_disk_is_named_and_the_old_site_stays(small_disk: Path, built: Path) -> None:
    (small_disk / "site").mkdir()
    (small_disk / "site" / "old.html").touch()
    (built / "large").write_bytes(bytes(2**21))
    with pytest.raises(ReportFailed, match=r"site: No space left on device; mend that, and run"):
        swap_in(built, small_disk / "site")
    (built / "large").unlink()
    swap_in(built, small_disk / "site")
    assert [path.name for path in small_disk.rglob("*.html")] == ["index.html"]


def test_what_a_link_points_to_is_replaced_each_time(tmp_path: Path, built: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to("releases/site")
    for _ in range(2):
        swap_in(built, resolve_site(link))
        (tmp_path / "releases" / "site" / MARKER).touch()  # an empty marker is enough
    assert link.is_symlink()
    assert (link / "index.html").read_text() == "new"
