"""What a first night could break: other people's folders and histories, secrets, plain words."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import pytest
from ethelred_runner.platforms import Platform

from ethelred_runner.obtain import Request, obtain
from tests.conftest import PROGRAM, Ethelred
from tests.truth import Night

ODD = 'logins von „Zugänge“ it\'s 100% "new" %41.v2.db'


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, ethelred: Ethelred, datastore: Path) -> Path:
    """Build the sample nights' site, of an oddly named datastore, through a link to a folder."""
    place = tmp_path_factory.mktemp("first")
    (place / "site").mkdir()
    (place / "link").symlink_to("site")
    shutil.copyfile(datastore, place / ODD)
    ethelred("report", "--datastore", place / ODD, "--site", place / "link")
    return place / "site"


@pytest.fixture
def store(tmp_path: Path, datastore: Path) -> Path:
    return Path(shutil.copyfile(datastore, tmp_path / "ethelred.duckdb"))


# A datastore of any name


@pytest.mark.site
@pytest.mark.slow
@pytest.mark.xdist_group("site")
@pytest.mark.parametrize("name", [ODD, "history", "temp.duckdb", "select.from.duckdb"])
def test_a_datastore_of_any_name_can_be_reported(
    ethelred: Ethelred, site: Path, datastore: Path, tmp_path: Path, name: str
) -> None:
    shutil.copyfile(datastore, tmp_path / name)
    done = ethelred("report", "--datastore", tmp_path / name, "--site", site)
    assert "is up to date" in done.stdout


def test_each_relation_can_be_read_whatever_the_file_is_called(
    datastore: Path, tmp_path: Path
) -> None:
    shutil.copyfile(datastore, tmp_path / ODD)
    with closing(duckdb.connect(tmp_path / ODD, read_only=True)) as connection:
        names = connection.sql("select view_name from duckdb_views() where not internal")
        views = [name for (name,) in names.fetchall()]
        assert views == ["missing_figures"]
        assert connection.sql("from missing_figures").fetchall() == []


def test_incomplete_marts_come_with_the_next_new_copy_as_the_error_says(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    store, site = tmp_path / ODD, tmp_path / "site"
    ethelred("build", nights[0].raw, "--datastore", store, "--init")
    with closing(duckdb.connect(store)) as connection:
        connection.execute("drop view missing_figures; drop table platform_headlines")
    done = ethelred("report", "--datastore", store, "--site", site, code=7)
    assert "Append a copy that it hasn't read yet (ethelred run, or build)" in done.stderr
    ethelred("build", nights[1].raw, "--datastore", store)
    with closing(duckdb.connect(store, read_only=True)) as connection:
        assert connection.sql("from missing_figures").fetchall() == []
        assert connection.sql("select count(*) from platform_headlines").fetchall() == [(1,)]


# The site's folder


def other_figures(store: Path) -> Path:
    with closing(duckdb.connect(store)) as connection:
        connection.execute("update logins_timeseries set logins = logins + 1")
    return store


@pytest.fixture
def copied(site: Path, tmp_path: Path) -> Path:
    """Return a copy of the site to change, with all that its build has left beside it."""
    return Path(shutil.copytree(site.parent, tmp_path / "place", symlinks=True)) / "site"


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("kind", ["documents", "datastore", "file", "inside"])
def test_a_folder_that_holds_something_else_is_never_replaced(
    ethelred: Ethelred, store: Path, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "folder"
    site = folder / "within" if kind in ("file", "inside") else folder
    folder.mkdir()
    (folder / "index.html").write_text("My own page.")
    if kind == "datastore":
        store = Path(shutil.move(store, folder / "history.duckdb"))
    if kind == "file":
        site.write_text("My thesis.")
    if kind == "inside":
        site.mkdir()
        (site / ".hidden").write_text("My own notes.")
    before = contents(tmp_path)
    done = ethelred("report", "--datastore", store, "--site", site, code=7)
    error = done.stderr.partition("error: ")[2].splitlines()
    assert len(error) == 2
    assert error[0].startswith(f"{site} ")
    assert "--site" in error[1]
    assert "building" not in done.stderr
    assert contents(tmp_path) == before


@pytest.mark.site
@pytest.mark.slow
@pytest.mark.xdist_group("site")
def test_a_site_with_a_datastore_in_it_is_not_replaced(
    ethelred: Ethelred, copied: Path, store: Path
) -> None:
    history = Path(shutil.move(other_figures(store), copied / "data" / "history"))
    before = contents(copied)
    done = ethelred("report", "--datastore", history, "--site", copied, code=7)
    assert "data/history" in done.stderr
    assert contents(copied) == before


@pytest.mark.site
@pytest.mark.slow
@pytest.mark.xdist_group("site")
@pytest.mark.parametrize("earlier", [False, True])
def test_a_link_to_a_site_stays_one_and_its_target_is_replaced(
    ethelred: Ethelred, copied: Path, store: Path, earlier: bool
) -> None:
    if earlier:  # its version left no mark in a site
        for path in copied.glob(".*"):
            path.unlink()
    link, before = copied.with_name("link"), contents(copied)
    ethelred("report", "--datastore", other_figures(store), "--site", link)
    assert link.is_symlink()
    assert link.resolve() == copied
    assert contents(copied) != before
    assert {
        path.name for path in copied.parent.iterdir() if path.name.startswith((".link", "link"))
    } == {"link"}


@pytest.mark.site
@pytest.mark.slow
@pytest.mark.xdist_group("site")
def test_a_broken_stamp_beside_a_site_is_none(
    ethelred: Ethelred, copied: Path, store: Path
) -> None:
    stamp = copied.with_name("site.json")
    for broken in ("[]", '{"base_path": 7}', '{"made', "\0", ""):
        stamp.write_text(broken)
        with served(copied) as said:
            assert said.startswith("the site is at http://127.0.0.1:")
    assert "the site is in" in ethelred("report", "--datastore", store, "--site", copied).stdout
    assert "is up to date" in ethelred("report", "--datastore", store, "--site", copied).stdout


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a site, and yield the first line that is printed."""
    command = [str(PROGRAM), "serve", "--site", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline()
        finally:
            server.terminate()


# Settings that are empty, and libraries that give up

EMPTY = [
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
    *("ETHELRED_PLATFORM", "ETHELRED_SITE", "ETHELRED_BASE_PATH", "ETHELRED_TAKEN_AT"),
    *("ETHELRED_MAX_AGE", "ETHELRED_MAX_BYTES", "ETHELRED_IF_OLDER", "ETHELRED_KEEP"),
    *("ETHELRED_DRY_RUN", "ETHELRED_SUMMARY", "ETHELRED_DEBUG", "ETHELRED_SOURCES"),
    *("ETHELRED_HTTP_AUTHORIZATION", "ETHELRED_SSH_KEY", "ETHELRED_SSH_KNOWN_HOSTS"),
]
NOWHERE = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
    "AWS_REGION": "eu-west-2",
    **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9"),  # asks nobody
    "NO_PROXY": "",
    "no_proxy": "",
    "RUST_BACKTRACE": "1",
}


def test_empty_settings_are_settings_that_are_not_there(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    store = tmp_path / "ethelred.duckdb"
    given = dict.fromkeys(EMPTY, "") | {"ETHELRED_SOURCE_OPENCODELISTS": str(nights[0].raw)}
    ethelred("run", "--init", "--no-report", "--datastore", store, **given)
    assert "1 new copy" in ethelred("build", nights[1].raw, "--datastore", store, **given).stdout


def test_amazon_is_asked_where_the_endpoint_is_left_empty(ethelred: Ethelred) -> None:
    settings = NOWHERE | {"AWS_ENDPOINT_URL": ""}
    done = ethelred("versions", "--datastore", "s3://history/logins", code=5, **settings)
    assert "the service can't be reached" in done.stderr
    assert "panicked" not in done.stderr


@pytest.mark.parametrize("address", ["storage.example", "https://", "storage.example:9000"])
def test_an_endpoint_that_is_no_address_is_said(ethelred: Ethelred, address: str) -> None:
    settings = NOWHERE | {"AWS_ENDPOINT_URL": address}
    done = ethelred("versions", "--datastore", "s3://history/logins", code=2, **settings)
    assert done.stderr == "error: AWS_ENDPOINT_URL is no address of a service: write https://host\n"


def test_a_panic_of_the_library_is_an_error_as_any_other(
    ethelred: Ethelred, tmp_path: Path
) -> None:
    settings = NOWHERE | {"AWS_REGION": "eu west"}
    command = ["versions", "--datastore", "s3://history/logins"]
    done = ethelred(*command, code=5, **settings)
    assert done.stderr.splitlines()[-1].startswith("error: s3://history/logins: the S3 library")
    assert [word for word in ("Traceback", "stack backtrace") if word in done.stderr] == []
    assert "Traceback" in ethelred(*command, "--debug", code=5, **settings).stderr
    done = ethelred("obtain", "s3://backups/copy", "--to", tmp_path / "to", code=3, **settings)
    assert "error: s3://backups/copy: the S3 library gave up" in done.stderr
    assert [word for word in ("Traceback", "stack backtrace") if word in done.stderr] == []


# Which server is told which secret

OURS = Platform("opencodelists", "OpenCodelists", "opencodelists_user", "last_login")
OTHER = Platform("job-server", "Job Server", "opencodelists_user", "last_login")
TOKEN = "ETHELRED_HTTP_AUTHORIZATION"


class Server(ThreadingHTTPServer):
    """Serves one file at every path, or leads elsewhere; remembers who it was told to serve."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content, self.leads_to = content, ""
        self.told: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}/copy"


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.told.append(self.headers.get("Authorization"))
        content = b"" if self.server.leads_to else self.server.content
        self.send_response(302 if self.server.leads_to else 200)
        if self.server.leads_to:
            self.send_header("Location", self.server.leads_to)
        self.send_header("Last-Modified", "Sun, 22 Mar 2026 05:00:20 GMT")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def servers(nights: list[Night], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Server]]:
    for name in [name for name in os.environ if name.startswith(("ETHELRED_", "ALL_PROXY"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "*")
    found = [Server(nights[0].raw.read_bytes()) for _ in range(2)]
    threads = [threading.Thread(target=one.serve_forever, args=[0.05]) for one in found]
    for thread in threads:
        thread.start()
    yield found
    for one, thread in zip(found, threads, strict=True):
        one.shutdown()
        thread.join()
        one.server_close()


@pytest.mark.parametrize(
    ("settings", "ours", "other"),
    [
        ({TOKEN: "Bearer ours"}, "Bearer ours", None),
        ({f"{TOKEN}_JOB_SERVER": "Bearer other"}, None, "Bearer other"),
        ({TOKEN: "a", f"{TOKEN}_OPENCODELISTS": "b", f"{TOKEN}_JOB_SERVER": "c"}, "b", "c"),
        ({TOKEN: "a", f"{TOKEN}_OPENCODELISTS": "", f"{TOKEN}_JOB_SERVER": ""}, "a", None),
    ],
)
def test_a_platforms_secret_goes_to_its_own_server_only(
    servers: list[Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    ours: str | None,
    other: str | None,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    requests = [Request(servers[0].url, OURS), Request(servers[1].url, OTHER)]
    assert len(obtain(requests, tmp_path)) == 2
    assert [one.told for one in servers] == [[ours], [other]]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_secret_is_not_sent_to_where_a_redirect_leads(
    servers: list[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv(TOKEN, "Bearer hunter2")
    servers[0].leads_to = servers[1].url.replace("127.0.0.1", host)
    obtain([Request(servers[0].url, OURS)], tmp_path)
    assert [one.told for one in servers] == [["Bearer hunter2"], [None]]


def test_the_secret_is_for_the_platform_that_the_command_names(
    servers: list[Server], ethelred: Ethelred, tmp_path: Path
) -> None:
    settings = {TOKEN: "Bearer other", "NO_PROXY": "*"}
    source = f"opencodelists={servers[0].url}"
    for platform in ("opencodelists", "job-server"):
        folder = tmp_path / platform
        ethelred("obtain", source, "--to", folder, "--platform", platform, **settings)
    settings[f"{TOKEN}_OPENCODELISTS"] = "Bearer ours"
    ethelred("obtain", servers[0].url, "--to", tmp_path / "own", **settings)
    assert servers[0].told == ["Bearer other", None, "Bearer ours"]


# No moment of a login in public


def test_no_summary_or_log_has_the_moment_of_a_login(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    copies = []
    for night in (nights[0], nights[4]):  # checked out this morning: their names know better
        copies.append(tmp_path / night.raw.name)
        copies[-1].write_bytes(night.raw.read_bytes())
    store, summary = tmp_path / "ethelred.duckdb", tmp_path / "summary.json"
    options = ["--datastore", store, "--no-report", "--summary", summary, "--max-age", "36"]
    done = ethelred("run", *copies, "--init", *options)
    with closing(duckdb.connect(store, read_only=True)) as connection:
        taken = connection.sql("select taken_at, taken_at_from from copies order by 1").fetchall()
        logins = connection.sql("select logged_in_at from logins").fetchall()
    assert {source for _, source in taken} == {"newest_login"}
    assert {(moment,) for moment, _ in taken} <= set(logins)
    told, status = summary.read_text(), ethelred("status", "--datastore", store).stdout
    stale = ethelred("status", "--datastore", store, "--max-age", "36", code=5).stderr
    for moment, _ in taken:
        shown = done.stdout + done.stderr + told + status + stale
        assert [
            form for form in (f"{moment:%d %H:%M}", f"{moment:%dT%H:%M}") if form in shown
        ] == []
    (platform,) = json.loads(told)["platforms"]
    assert platform["newest_copy_taken_at"] == f"{taken[1][0]:%Y-%m-%dT%H:00:00Z}"
    (gap,) = platform["gaps"]
    assert gap["from"] == f"{taken[0][0]:%Y-%m-%dT%H:00:00Z}"
    assert platform["age_hours"] == pytest.approx(
        hours_ago(platform["newest_copy_taken_at"]), abs=0.1
    )
    assert gap["hours"] == pytest.approx(hours_ago(gap["from"]) - hours_ago(gap["to"]), abs=0.01)
    assert f"{taken[1][0]:%Y-%m-%d %H:00} UTC" in " ".join(json.loads(told)["warnings"])


def hours_ago(text: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(text)) / timedelta(hours=1)


# The demo touches only what is its own


@pytest.fixture
def demo_store(tmp_path: Path, demo_datastore: Path) -> Path:
    return Path(shutil.copyfile(demo_datastore, tmp_path / "demo.duckdb"))


@pytest.mark.site
@pytest.mark.slow
@pytest.mark.xdist_group("site")
def test_the_demo_obeys_no_setting(
    ethelred: Ethelred, store: Path, demo_datastore: Path, tmp_path: Path
) -> None:
    project, here = tmp_path / "project", Path(__file__).parents[1]
    unneeded = (".venv", ".git", "node_modules", "data", "samples", "logs")
    shutil.copytree(here, project, ignore=shutil.ignore_patterns(*unneeded))
    (project / "reports" / "node_modules").symlink_to(here / "reports" / "node_modules")
    own = project / "data" / "demo"
    own.mkdir(parents=True)
    shutil.copyfile(demo_datastore, own / "ethelred.duckdb")
    before, settings = store.read_bytes(), {"PYTHONPATH": str(project)}
    settings |= {"ETHELRED_DATASTORE": str(store), "ETHELRED_SITE": str(tmp_path / "web")}
    settings |= {"ETHELRED_BASE_PATH": "/logins", "ETHELRED_NO_REPORT": "true"}
    settings |= {"ETHELRED_SOURCES": "/no/such/copy", "ETHELRED_PLATFORM": "nobody"}
    done = ethelred("demo", **settings)
    assert store.read_bytes() == before
    assert not (tmp_path / "web").exists()
    assert f"the datastore of the demo is {own / 'ethelred.duckdb'}" in done.stdout
    assert 'href="/logins' not in (own / "site" / "index.html").read_text(encoding="utf-8")
    assert not (project / "data" / "site").exists()
    # What the end of the demo says shows its site, and a second demo finds it to be its own.
    assert "make serve" in done.stdout
    command = ["make", "--dry-run", "serve"]
    assert "--site data/demo/site" in subprocess.check_output(command, cwd=project, text=True)
    assert "is up to date" in ethelred("demo", **settings).stdout
    # A site of real logins in its place is none of the demo's.
    ethelred("report", "--datastore", store, "--site", own / "site", PYTHONPATH=str(project))
    done = ethelred("demo", code=2, **settings)
    assert "isn't the demo's" in done.stderr


@pytest.mark.parametrize("kind", ["real", "mixed", "foreign"])
def test_the_demo_refuses_a_datastore_that_is_not_its_own(
    ethelred: Ethelred, store: Path, demo_store: Path, kind: str
) -> None:
    if kind == "mixed":
        with closing(duckdb.connect(demo_store)) as connection:
            connection.execute(
                "update copies set taken_at = taken_at + interval 1 second"
                " where taken_at = (select max(taken_at) from copies)"
            )
    if kind == "foreign":
        store.write_text("My own file.")
    given = demo_store if kind == "mixed" else store
    before = contents(given.parent)
    done = ethelred("demo", "--datastore", given, "--no-report", code=5)
    assert str(given) in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(given.parent) == before


def test_the_demo_refuses_a_site_that_is_not_its_own(
    ethelred: Ethelred, demo_store: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "index.html").write_text("My own page.")
    before = contents(tmp_path)
    for store in (demo_store, tmp_path / "new.duckdb"):
        done = ethelred("demo", "--datastore", store, "--site", folder, code=2)
        assert done.stderr.startswith(f"error: {folder} isn't the demo's")
        assert len(done.stderr.splitlines()) == 2
    assert contents(tmp_path) == before
