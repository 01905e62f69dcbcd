"""The command line: commands, options, exit codes and readable errors."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ethelred_runner.cli import commands, main
from ethelred_runner.cli.main import SIGNALS
from ethelred_runner.errors import EthelredError, exit_code_of, line_of
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.watch.outcome import Outcome
from tests.support.program import PROGRAM, PROJECT, Ethelred
from tests.support.truth import Night

COMMANDS = [
    *("run", "obtain", "build", "report", "serve", "status", "check", "demo"),
    *("versions", "restore", "export", "import", "copies", "retract", "dev", "sql"),
]
README = PROJECT / "README.md"
OWN = "ETHELRED_SOURCE_OPENCODELISTS"
TOKEN = "ETHELRED_HTTP_AUTHORIZATION"
Calls = list[tuple[list[CopyRequest], str, Outcome, dict[str, Any]]]


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ETHELRED_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Record what the commands run and build would do, instead of doing it."""
    noted: Calls = []
    monkeypatch.setattr(commands, "run_job", lambda *given, **more: noted.append((*given, more)))
    return noted


def invoke(*arguments: str | Path, code: int = 0, settings: dict[str, str] | None = None) -> str:
    """Run a command in this process, expect an exit code, and return what it printed."""
    done = CliRunner().invoke(commands.app, [str(one) for one in arguments], env=settings)
    error = done.exception
    found = error.exit_code if isinstance(error, EthelredError) else done.exit_code
    said = f"{done.output}{error or ''}"
    assert found == code, said
    return said


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_and_is_in_the_readme(command: str) -> None:
    assert "--debug" in invoke(command, "--help", settings={"COLUMNS": "200"})
    assert f"`ethelred {command}" in README.read_text(encoding="utf-8")


def test_each_exit_code_is_in_the_page_of_the_command_line() -> None:
    table = (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(f"| {code} |" in table for code in range(8))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "--no-report"], 2, OWN),
        (["run", "--platform", "opencodelists"], 2, OWN),
        (["run", "--no-such-option"], 2, "--no-such-option"),
        (["run", "--warn-after", "inf"], 2, "less than or equal to 1000000"),
        (["status", "--fail-after", "nan"], 2, "less than or equal to 1000000"),
        (["run", "--skip-if-fresh", "-1"], 2, "greater than or equal to 0"),
        (["serve", "--port", "99999"], 2, "--port"),
        (["build", "a", "b", "--taken-at", "2026-03-22", "--init"], 2, "one source"),
        (["build", "a", "--taken-at", "yesterday", "--init"], 2, "2026-03-22T05:00:00Z"),
        (["build", "a", "--taken-at", "9999-12-31T23:00-02:00", "--init"], 2, "no date with"),
        (["build", "a", "--taken-at", "2999-01-01T05:00Z", "--init"], 2, "future"),
        (["build", "a", "--taken-at", "1900-01-01T00:00Z", "--init"], 2, "before 2000"),
        (["build", "a", "--platform", "nobody", "--init"], 2, "seeds/platforms.csv"),
        (["build", "/no/such/copy", "--init"], 3, "/no/such/copy"),
        (["status"], 5, "--init"),
        (["run", "a", "--init", "--datastore", "s3:/bucket/history"], 2, "give a local path or"),
        (["run", "a", "--init", "--datastore", "https:u:hunter2@host"], 2, "give a local path or"),
        (["report"], 5, "no datastore"),
        (["serve", "--site", "nowhere"], 7, "ethelred report"),
        (["check"], 5, "no datastore"),
    ],
)
def test_an_error_says_what_is_wrong_and_what_to_do(
    tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    store = tmp_path / "ethelred.duckdb"
    settings = {"ETHELRED_DATASTORE": str(store), "COLUMNS": "200"}
    said = invoke(*arguments, code=code, settings=settings)
    assert says in said
    assert not store.exists()


def test_only_debug_shows_a_traceback(ethelred: Ethelred, tmp_path: Path) -> None:
    lost = {"ETHELRED_DATASTORE": str(tmp_path / "lost.duckdb")}
    assert "Traceback" not in ethelred("status", code=5, ETHELRED_DEBUG="false", **lost).stderr
    assert "Traceback" in ethelred("status", "--debug", code=5, **lost).stderr


class Panic(BaseException):
    """The exception of a library written in Rust."""


@pytest.mark.parametrize(("error", "code"), [(Panic("hunter2"), 1), (KeyboardInterrupt(), 130)])
def test_whatever_happens_ends_as_an_exit_code_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(commands, "serve_site", fail)
    with pytest.raises(SystemExit) as ended:
        main(["serve"])
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert [word for word in ("Traceback", "hunter2") if word in said] == []
    assert ("--debug" in said) == (code == 1)


@pytest.fixture
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_in_an_orderly_way(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(commands, "serve_site", lambda *_: signal.raise_signal(number))
    with pytest.raises(SystemExit) as ended:
        main(["serve"])
    assert ended.value.code == 128 + number


@pytest.mark.usefixtures("_handlers")
def test_nohup_keeps_its_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    monkeypatch.setattr(commands, "serve_site", lambda *_: signal.raise_signal(signal.SIGHUP))
    with pytest.raises(SystemExit) as ended:
        main(["serve"])
    assert ended.value.code == 0


def test_options_are_environment_variables_too(calls: Calls, tmp_path: Path) -> None:
    settings = {OWN: "/a/copy", "ETHELRED_DATASTORE": "/a/store", "ETHELRED_WARN_AFTER": "0"}
    settings |= {"ETHELRED_INIT": "true", "ETHELRED_NO_REPORT": "1"}
    invoke("run", settings=settings)
    settings |= {"ETHELRED_NO_REPORT": "0"}
    invoke("run", "--site", tmp_path, "--skip-if-fresh", "8", settings=settings)
    (requests, datastore, outcome, first), (_, _, _, second) = calls
    assert [request.source for request in requests] == ["/a/copy"]
    assert (datastore, outcome.warn_after_hours) == ("/a/store", 0)
    assert (first["init"], first["site"], first["skip_if_fresh_hours"]) == (True, None, None)
    assert (second["site"], second["skip_if_fresh_hours"]) == (tmp_path, 8)


@pytest.mark.parametrize(
    ("arguments", "settings", "expected"),
    [
        ([], {OWN: "/one"}, ["/one"]),
        (["/x", "opencodelists=/y"], {OWN: "/one"}, ["/x", "/y"]),
        (["--platform", "opencodelists"], {OWN: "/one", "ETHELRED_SOURCE_OTHER": "/2"}, ["/one"]),
        ([], {"ETHELRED_SOURCES": "/x opencodelists=/y\n", OWN: "/one"}, ["/x", "/y"]),
    ],
)
def test_what_is_obtained(
    calls: Calls, arguments: list[str], settings: dict[str, str], expected: list[str]
) -> None:
    invoke("run", *arguments, settings=settings)
    assert [request.source for request in calls[0][0]] == expected


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Add a platform called other."""
    seed = (PROJECT / "seeds" / "platforms.csv").read_text().splitlines()[:2]
    (tmp_path / "platforms.csv").write_text("\n".join([*seed, "other,Other,users,last_login,,\n"]))
    monkeypatch.setenv("ETHELRED_SEEDS", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("other")
def test_a_platform_alone_is_that_platforms_source(calls: Calls) -> None:
    settings = {OWN: "/one", "ETHELRED_SOURCE_OTHER": "/two"}
    invoke("run", settings=settings)
    invoke("run", "--platform", "other", settings=settings)
    sources = [[request.source for request in requests] for requests, *_ in calls]
    assert sources == [["/one", "/two"], ["/two"]]
    token = calls[1][0][0].authorization_setting
    assert token == "ETHELRED_HTTP_AUTHORIZATION_OTHER"  # not the default platform's


EXAMPLE = (PROJECT / ".env.example").read_text(encoding="utf-8")
SETTINGS = re.findall(r"^#?((?:ETHELRED|AWS|SSL)_\w+)=", EXAMPLE, re.M)  # see test_documents
SWITCHES = ["INIT", "NO_REPORT", "DRY_RUN", "DEBUG", "JSON"]


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize("empty", ["", " ", "\r"])
def test_empty_settings_are_settings_that_are_not_there(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    for names in ([], [*SETTINGS, "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "https_proxy"]):
        for name in names:
            monkeypatch.setenv(name, empty)
        monkeypatch.setenv(OWN, "/a/copy")
        with pytest.raises(SystemExit, match="0"):
            main(["run"])
    (requests, *_, options), (without, *_, others) = calls
    assert len(SETTINGS) > 25
    assert (requests, options) == (without, others)
    assert [name for name in (*SETTINGS, "https_proxy") if name in os.environ] == [OWN]


@pytest.mark.parametrize("no", ["false", "0", "no", "False", "off"])
def test_a_switch_that_is_off_is_off(calls: Calls, no: str) -> None:
    settings = {f"ETHELRED_{name}": no for name in SWITCHES} | {OWN: "/a/copy"}
    invoke("run", settings=settings)
    (_, _, outcome, options) = calls[0]
    assert (outcome.dry_run, options["init"], options["site"] is None) == (False, False, False)


@pytest.mark.parametrize(
    ("platform", "own", "expected"),
    [
        ("opencodelists", "", TOKEN),
        ("opencodelists", "Bearer ours", f"{TOKEN}_OPENCODELISTS"),
        ("other", "", f"{TOKEN}_OPENCODELISTS"),
    ],
)
def test_the_token_is_for_the_platform_that_the_command_names(
    calls: Calls, other: Path, platform: str, own: str, expected: str
) -> None:
    settings = {TOKEN: "Bearer other", f"{TOKEN}_OPENCODELISTS": own}
    invoke("run", "opencodelists=/a/copy", "--platform", platform, settings=settings)
    assert calls[0][0][0].authorization_setting == expected


def test_the_demo_has_a_datastore_and_a_site_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        commands, "run_demo", lambda *values, with_report: given.append((*values, with_report))
    )
    settings = {"ETHELRED_DATASTORE": "s3://real/one", "ETHELRED_SITE": "/srv/www"}
    settings |= {"ETHELRED_BASE_PATH": "/logins", "ETHELRED_NO_REPORT": "true"}
    invoke("demo", settings=settings)
    invoke("demo", "--datastore", "/a/store", "--site", "/a/site", "--no-report")
    own = PROJECT / "data" / "demo"
    assert given == [
        (str(own / "ethelred.duckdb"), own / "site", "", True),
        ("/a/store", Path("/a/site"), "", False),
    ]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_run_that_is_stopped_leaves_no_copy_behind_and_a_summary(
    nights: list[Night], tmp_path: Path, number: signal.Signals
) -> None:
    work, summary = tmp_path / "work", tmp_path / "summary.json"
    command: list[str | Path] = [PROGRAM, "run", nights[0].raw, "--summary", summary, "--init"]
    command += ["--datastore", tmp_path / "ethelred.duckdb"]
    settings: dict[str, Any] = os.environ | {"ETHELRED_WORK_DIR": str(work)}
    options: dict[str, Any] = {"env": settings, "stderr": subprocess.PIPE, "text": True}
    options["preexec_fn"] = lambda: signal.signal(number, signal.SIG_DFL)  # a shell may ignore it
    with subprocess.Popen(command, **options) as run:
        assert run.stderr is not None
        assert "obtained" in run.stderr.readline()
        assert list(work.iterdir())
        run.send_signal(number)
        run.wait(timeout=120)
    assert run.returncode == json.loads(summary.read_text())["exit_code"] == 128 + number
    assert list(work.iterdir()) == []


SWALLOWED = """
import os, signal, sys, time
from ethelred_runner.cli.main import SIGNALS, stop
first = int(sys.argv[1])
signal.signal(first, stop)
try:
    try:
        os.kill(os.getpid(), first)
    finally:
        for number in SIGNALS:
            os.kill(os.getpid(), number)
        time.sleep(2.5)
        print("cleaned", flush=True)
except (SystemExit, KeyboardInterrupt):
    pass
if first == signal.SIGINT:
    os.kill(os.getpid(), first)
time.sleep(120)
"""


@pytest.mark.parametrize("first", SIGNALS)
def test_a_signal_that_a_library_swallows_comes_again_but_not_while_a_run_cleans_up(
    first: signal.Signals,
) -> None:
    """Ctrl-C comes again only when somebody presses it again."""
    command = [sys.executable, "-c", SWALLOWED, str(int(first))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (128 + first, "cleaned\n")


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_a_signal_in_the_midst_of_a_query_is_no_surprise(stop: BaseException, code: int) -> None:
    error = RuntimeError("Query interrupted")  # as DuckDB raises it
    error.__cause__ = stop
    assert (exit_code_of(error), line_of(error)) == (code, "the run was stopped")


def test_an_address_that_makes_no_sense_leaves_no_folder_behind(tmp_path: Path) -> None:
    assert "ftp://" in invoke("obtain", "ftp://host/copy", "--to", tmp_path / "copies", code=2)
    assert list(tmp_path.iterdir()) == []


# Output that can't be written, and what a killed run leaves


def test_output_that_can_not_be_written_ends_no_run(nights: list[Night], tmp_path: Path) -> None:
    """The disk is full, or the reader has gone."""
    store, summary = tmp_path / "ethelred.duckdb", tmp_path / "summary.json"
    command: list[str | Path] = [PROGRAM, "run", nights[0].raw, "--no-report", "--init"]
    command += ["--datastore", store, "--summary", summary]
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "w") as full, os.fdopen(writing) as gone:  # noqa: PTH123
        done = subprocess.run(command, stdout=full, stderr=gone, check=False)
        assert (done.returncode, json.loads(summary.read_text())["outcome"]) == (0, "done")
        for one, other in ((full, gone), (gone, full)):
            again: list[str | Path] = [PROGRAM, "status", "--datastore", store]
            shown = subprocess.run(again, stdout=one, stderr=other, check=False)
            assert shown.returncode == 1  # what it is for was not written


def test_a_copy_that_a_killed_run_left_goes_with_the_next_command(
    nights: list[Night], ethelred: Ethelred, tmp_path: Path
) -> None:
    work, settings = tmp_path / "work", {"ETHELRED_WORK_DIR": str(tmp_path / "work")}
    command: list[str | Path] = [PROGRAM, "run", nights[0].raw, "--no-report", "--init"]
    command += ["--datastore", tmp_path / "ethelred.duckdb"]
    with subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.PIPE) as run:
        assert run.stderr is not None
        run.stderr.readline()
        run.kill()
    assert list(work.rglob("*"))
    beside = tmp_path / "ethelred-run-12345678" / "copies.duckdb"
    beside.parent.mkdir()
    beside.touch()
    ethelred("status", "--datastore", tmp_path / "none.duckdb", code=5, **settings)
    assert list(work.iterdir()) == []
    assert not beside.parent.exists()


def test_colours_that_a_variable_forces_stay_out_of_a_log(ethelred: Ethelred) -> None:
    done = ethelred("build", "/no/copy", "--init", code=3, FORCE_COLOR="1", TTY_COMPATIBLE="1")
    assert "\x1b" not in done.stdout + done.stderr


def test_a_full_work_disk_is_named_and_not_the_datastores(
    ethelred: Ethelred, nights: list[Night], datastore: Path, small_disk: Path, tmp_path: Path
) -> None:
    place, work = tmp_path / "elsewhere" / "ethelred.duckdb", small_disk / "work"
    work.mkdir()
    room = shutil.disk_usage(small_disk).free
    for left in (0, 50_000):
        (small_disk / "filler").write_bytes(b"x" * (room - left))
        settings = {"ETHELRED_WORK_DIR": str(work), "ETHELRED_DATASTORE": str(place)}
        done = ethelred("build", nights[0].raw, "--init", code=3 if left else 5, **settings)
        assert str(work) in done.stderr or "set ETHELRED_WORK_DIR" in done.stderr
        assert "make room" in done.stderr
        assert "ethelred-run-" not in done.stderr
        options = ["--datastore", datastore, "--site", tmp_path / "site"]
        done = ethelred("report", *options, code=7, ETHELRED_WORK_DIR=str(work))
        assert f"can't be built in {work}: No space left on device" in done.stderr


def test_a_limit_of_a_files_size_is_named(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    command = f"ulimit -f 100; exec {PROGRAM} obtain --to {tmp_path} {nights[0].raw}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, "(ulimit -f)" in done.stderr) == (3, True)


def test_no_text_of_a_copy_commands_a_terminal_or_a_workflow(
    ethelred: Ethelred, tmp_path: Path
) -> None:
    copy = tmp_path / "##[error]x.sqlite3"
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute('create table "x\n ::error title=t::mine\x1b[31m" (id)')
    for debug in ([], ["--debug"]):
        options = ["--init", "--datastore", tmp_path / "e.duckdb", *debug]
        done = ethelred("build", copy, *options, code=4)
        assert "mine" in done.stderr
        assert "\x1b" not in done.stderr
        assert "##[" not in done.stderr
        assert not [line for line in done.stderr.splitlines() if line.lstrip().startswith("::")]


def test_a_path_is_printed_as_it_is(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    place = tmp_path / "a\u00a0b\u3000c ü"
    done = ethelred("obtain", "--to", place, nights[0].raw)
    assert [Path(line) for line in done.stdout.splitlines()] == list(place.iterdir())


@pytest.mark.parametrize("folder", ["w?x", "~nouser/x", "x" * 300])
def test_a_work_folder_that_cannot_be_is_named(
    folder: str, ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    store = tmp_path / "ethelred.duckdb"
    options = ["--datastore", store, "--init"]
    done = ethelred("build", nights[0].raw, *options, code=2, ETHELRED_WORK_DIR=folder)
    assert done.stderr.startswith("error: ")
    assert folder in done.stderr


def test_there_is_no_version_0_and_no_export_with_an_endless_name(
    ethelred: Ethelred, datastore: Path, tmp_path: Path
) -> None:
    ethelred("restore", "0", "--datastore", tmp_path / "absent.duckdb", code=2)
    assert list(tmp_path.iterdir()) == []
    done = ethelred("export", tmp_path / ("x" * 300), "--datastore", datastore, code=5)
    assert "File name too long" in done.stderr
