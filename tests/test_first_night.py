"""A first night leaves other folders and histories alone, hides secrets, and explains errors."""

import json
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from ethelred_runner.datastore import open_datastore, read_status
from ethelred_runner.demo import PLATFORMS, demo
from ethelred_runner.errors import DatastoreError, EthelredError, ReportFailed, UsageError
from ethelred_runner.report.evidence import hand_over
from ethelred_runner.report.serve import site_server
from ethelred_runner.report.site import MARKER, base_path_of, resolve_site, swap_in
from ethelred_runner.watch import check
from tests.support.datastores import append_login, execute, query
from tests.support.program import PROJECT, Ethelred, contents
from tests.support.truth import Night

ODD = 'logins von „Zugänge“ it\'s 100% "new" %41.v2.db'


# A datastore of any name


def test_a_datastore_of_any_name_can_be_reported(datastore: Path, tmp_path: Path) -> None:
    for name in (ODD, "history", "temp.duckdb", "select.from.duckdb"):
        store = shutil.copyfile(datastore, tmp_path / name)
        assert read_status(store)[0]["platform"] == "opencodelists"
        hand_over(store, tmp_path)
        views = "select view_name from duckdb_views() where not internal"
        assert query(store, views) == [("report_blockers",)]
        assert query(store, "from report_blockers") == []


def test_incomplete_marts_come_with_the_next_new_copy_as_the_error_says(
    ethelred: Ethelred, datastore: Path, nights: list[Night], tmp_path: Path
) -> None:
    store, site = shutil.copyfile(datastore, tmp_path / ODD), tmp_path / "site"
    execute(store, "drop view report_blockers", "drop table platform_headlines")
    done = ethelred("report", "--datastore", store, "--site", site, code=7)
    assert "append a new copy (ethelred run, or build)" in done.stderr
    ethelred("build", nights[1].sanitised, "--datastore", store)
    assert query(store, "from report_blockers") == []
    assert query(store, "select count(*) from platform_headlines") == [(1,)]


# The site's folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a folder like a site."""
    site = tmp_path / "site"
    (site / "data").mkdir(parents=True)
    for name in ("index.html", MARKER):
        (site / name).write_text("of a report")
    return site


def test_a_site_with_a_broken_mark_is_replaced(site: Path) -> None:
    for broken in ("[]", '{"base_path": 7}', '{"base_pa', "\0", ""):
        (site / MARKER).write_text(broken)
        with pytest.raises(ReportFailed, match="build it first: ethelred report"):
            base_path_of(site)
        assert resolve_site(site) == site


@pytest.mark.parametrize("other", ["part of a site", ".hidden", "data/history", "data/mine"])
def test_a_folder_that_holds_something_else_is_never_replaced(
    site: Path, datastore: Path, other: str
) -> None:
    if other == "data/history":
        shutil.copyfile(datastore, site / other)
    elif other == "data/mine":
        made = [str(path.relative_to(site)) for path in site.rglob("*")]
        (site / MARKER).write_text(json.dumps({"files": made}))
        assert resolve_site(site) == site
        (site / other).write_text("My own notes.")
    else:
        (site / MARKER).unlink()
        (site / other).write_text("My own notes.")
    with pytest.raises(ReportFailed, match=f"^{site} has files that no report has made"):
        resolve_site(site)


def test_a_mount_point_is_no_place_for_a_site(small_disk: Path) -> None:
    with pytest.raises(ReportFailed, match=r"is a mount point; name a folder in it with --site"):
        resolve_site(small_disk)
    assert resolve_site(small_disk / "site") == small_disk / "site"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"GET /\0 HTTP/1.0", b"404"),
        (b"GET /dir/hostname HTTP/1.0", b"404"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.0", b"414"),
        (b"GET", b"400"),
        (b"GET / HTTP/9.9", b"505"),
        (b"\0\xff", b"400"),
    ],
)
def test_odd_requests_are_refused_without_a_traceback(
    site: Path, capfd: pytest.CaptureFixture[str], line: bytes, answer: bytes
) -> None:
    (site / MARKER).write_text('{"base_path": ""}')
    (site / "dir").symlink_to("/etc")
    with site_server(site, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with socket.create_connection(("127.0.0.1", server.server_port)) as client:
            client.sendall(line + b"\r\n\r\n")
            answered = client.makefile("rb").read()
        server.shutdown()
        thread.join()
    assert answer in answered[:400]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to any group")
@pytest.mark.parametrize(("mode", "of_files"), [(0o2750, 0o640), (0o711, 0o644)])
def test_a_site_keeps_the_group_and_the_mode_that_an_operator_gave_it(
    site: Path, tmp_path: Path, mode: int, of_files: int
) -> None:
    os.chown(site, -1, group := 1)
    site.chmod(mode)
    built = tmp_path / "built" / "data"
    built.mkdir(parents=True)
    (built / "page").touch()
    swap_in(built.parent, site)
    found = {path: path.stat() for path in (site, site / "data", site / "data" / "page")}
    assert [stat.st_gid for stat in found.values()] == [group] * 3
    assert [stat.st_mode & 0o7777 for stat in found.values()] == [mode, mode, of_files]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to any user")
def test_a_first_site_belongs_to_whom_its_folder_belongs(site: Path, tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 4321)
    (site / "index.html").chmod(0o604)
    place = resolve_site(tmp_path / "srv" / "www" / "site")
    swap_in(site, place)
    for path in (place.parent.parent, place.parent, place, *place.rglob("*")):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)
    assert (place / "index.html").stat().st_mode & 0o777 == 0o604


def test_check_names_a_folder_that_can_not_be_written_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("LOGS", "TARGET"):
        monkeypatch.setattr(check, name, Path("/proc/none"))
        with open_datastore(str(tmp_path / "new.duckdb")) as store, pytest.raises(EthelredError):
            check.check_all(list, store, Path("~nouser/x"), init=True)
        shown = capsys.readouterr().out
        assert "not ok   folders: /proc/none can't be written to" in shown
        assert "not ok   site: the site can't be put in ~nouser/x" in shown
        monkeypatch.undo()


# Settings that aren't addresses, and libraries that panic

NOWHERE = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
    "AWS_REGION": "eu-west-2",
    **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9"),  # nothing answers there
    "NO_PROXY": "",
    "no_proxy": "",
    "RUST_BACKTRACE": "1",
}
VERSIONS = ["versions", "--datastore", "s3://history/logins"]


def test_amazon_is_asked_where_the_endpoint_is_left_empty(ethelred: Ethelred) -> None:
    done = ethelred(*VERSIONS, code=5, **NOWHERE | {"AWS_ENDPOINT_URL": ""})
    assert "the service can't be reached" in done.stderr
    assert "panicked" not in done.stderr


@pytest.mark.parametrize("address", ["storage.example", "https://", "storage.example:9000"])
def test_an_endpoint_that_is_no_address_is_said(ethelred: Ethelred, address: str) -> None:
    done = ethelred(*VERSIONS, code=2, **NOWHERE | {"AWS_ENDPOINT_URL": address})
    assert done.stderr == "error: AWS_ENDPOINT_URL is no address of a service: write https://host\n"


def test_a_panic_of_the_library_is_an_error_as_any_other(
    ethelred: Ethelred, tmp_path: Path
) -> None:
    settings = NOWHERE | {"AWS_REGION": "eu west"}
    kept = ethelred(*VERSIONS, code=5, **settings).stderr
    got = ethelred("obtain", "s3://backups/copy", "--to", tmp_path / "to", code=3, **settings)
    for said in (kept, got.stderr):
        assert said.splitlines()[-1].startswith("error: s3://")
        assert "AWS_" in said.splitlines()[-1]
        assert [word for word in ("Traceback", "stack backtrace") if word in said] == []
    assert "Traceback" in ethelred(*VERSIONS, "--debug", code=5, **settings).stderr


# No moment of a login in public


def test_no_summary_or_log_has_the_moment_of_a_login(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    copies = []
    for night in (nights[0], nights[4]):  # modified now, as in a checkout
        copies.append(tmp_path / f"{night.truth['max_last_login'][:10]}-db.sqlite3.zst")
        copies[-1].write_bytes(night.raw.read_bytes())
    store, summary = tmp_path / "ethelred.duckdb", tmp_path / "summary.json"
    options = ["--datastore", store, "--no-report", "--summary", summary, "--warn-after", "36"]
    done = ethelred("run", *copies, "--init", *options)
    taken = query(store, "select taken_at from copies where taken_at_source = 'newest_login'")
    assert len(taken) == 2
    assert set(taken) <= set(query(store, "select logged_in_at from logins"))
    stale = ethelred("status", "--datastore", store, "--fail-after", "36", code=5)
    shown = done.stdout + done.stderr + summary.read_text() + stale.stdout + stale.stderr
    for (moment,) in taken:
        assert [f for f in (f"{moment:%d %H:%M}", f"{moment:%dT%H:%M}") if f in shown] == []
    warned = " ".join(json.loads(summary.read_text())["warnings"])
    assert f"{taken[1][0]:%Y-%m-%d %H:00} UTC" in warned


# The demo changes only its own files (tests/test_cli.py has the settings that it ignores)


@pytest.mark.parametrize("kind", ["real", "mixed", "foreign"])
def test_the_demo_refuses_a_datastore_that_is_not_its_own(tmp_path: Path, kind: str) -> None:
    store = tmp_path / "ethelred.duckdb"
    append_login(store, 1, init=True)
    if kind == "mixed":
        for second, platform in enumerate(PLATFORMS, 20):
            taken_at = f"timestamp '2026-03-01 05:00:{second}'"
            row = f"'{platform}', '{platform}', {taken_at}, '', {taken_at}, 1, 0, 1"
            execute(store, f"insert into copies values ({row})")
    if kind == "foreign":
        store.write_text("My own file.")
    before = contents(tmp_path)
    with pytest.raises(DatastoreError, match=str(store)):
        demo(str(store), tmp_path / "site")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("made_by", ["nobody", "a report of real logins"])
def test_the_demo_refuses_a_site_that_is_not_its_own(tmp_path: Path, made_by: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("My own page.")
    if made_by != "nobody":
        (site / MARKER).write_text('{"base_path": "", "platforms": ["opencodelists"]}')
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=f"^{site} isn't the demo's"):
        demo(str(tmp_path / "new.duckdb"), site)
    assert contents(tmp_path) == before


def test_make_serve_shows_the_demos_site() -> None:
    command = ["make", "--dry-run", "serve"]
    assert "--site data/demo/site" in subprocess.check_output(command, cwd=PROJECT, text=True)
