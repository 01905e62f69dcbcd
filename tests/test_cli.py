"""The command line's contract: commands, options, exit codes, and errors that people can read."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import PROGRAM, SAMPLES, Ethelred
from tests.truth import Night

COMMANDS = [
    *("run", "obtain", "build", "report", "serve", "status", "check", "demo"),
    *("versions", "restore", "export", "import"),
]
README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_and_is_in_the_readme(ethelred: Ethelred, command: str) -> None:
    shown = ethelred(command, "--help").stdout
    assert "--debug" in shown
    assert f"`ethelred {command}" in README.read_text(encoding="utf-8")


def test_each_exit_code_is_in_the_readme() -> None:
    table = README.read_text(encoding="utf-8")
    assert all(f"| {code} |" in table for code in range(8))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "--no-report"], 2, "ETHELRED_SOURCE_OPENCODELISTS"),
        (["run", "--no-such-option"], 2, "--no-such-option"),
        (["build", "a", "b", "--taken-at", "2026-03-22", "--init"], 2, "one source"),
        (["build", "a", "--taken-at", "yesterday", "--init"], 2, "2026-03-22T05:00:00Z"),
        (["build", "a", "--taken-at", "2999-01-01", "--init"], 2, "future"),
        (["build", "a", "--platform", "nobody", "--init"], 2, "seeds/platforms.csv"),
        (["build", "/no/such/copy", "--init"], 3, "/no/such/copy"),
        (["obtain", "ftp://host/copy", "--to", "here"], 2, "ftp://"),
        (["status"], 5, "--init"),
        (["report"], 5, "no datastore"),
        (["serve", "--site", "nowhere"], 7, "ethelred report"),
        (["check"], 5, "no datastore"),
    ],
)
def test_an_error_says_what_is_wrong_and_what_to_do(
    ethelred: Ethelred, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    store = str(tmp_path / "ethelred.duckdb")
    done = ethelred(*arguments, code=code, ETHELRED_DATASTORE=store)
    assert says in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not Path(store).exists()


def test_only_debug_shows_a_traceback(ethelred: Ethelred, tmp_path: Path) -> None:
    store = tmp_path / "lost.duckdb"
    assert "Traceback" in ethelred("status", "--datastore", store, "--debug", code=5).stderr


def test_options_are_environment_variables_too(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    store = tmp_path / "ethelred.duckdb"
    settings = {
        "ETHELRED_SOURCE_OPENCODELISTS": str(nights[0].raw),
        "ETHELRED_DATASTORE": str(store),
        "ETHELRED_INIT": "true",
        "ETHELRED_NO_REPORT": "1",
        "ETHELRED_TAKEN_AT": "",
    }
    assert "144 new logins" in ethelred("run", **settings).stdout
    settings["ETHELRED_INIT"] = "false"
    assert "nothing new" in ethelred("run", **settings).stdout


def test_an_old_copy_is_warned_about_and_a_backfill_told(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    store = tmp_path / "ethelred.duckdb"
    said = ethelred(*("build", nights[1].raw, "--datastore", store, "--init", "--max-age", "36"))
    assert "the newest copy of opencodelists was taken 2026-03-22 02:00 UTC" in said.stderr
    said = ethelred("build", nights[0].raw, "--datastore", store)
    assert "older than the newest one known (backfill)" in said.stdout
    assert "newest copy" not in said.stderr


def test_a_copy_is_kept_only_if_asked_for_and_never_if_too_large(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    work, store = tmp_path / "work", tmp_path / "ethelred.duckdb"
    build = ["build", nights[0].raw, "--datastore", store, "--init"]
    said = ethelred(*build, "--max-bytes", "700000", code=4, ETHELRED_WORK=str(work))
    assert "--max-bytes" in said.stderr
    ethelred(*build, "--keep", ETHELRED_WORK=str(work))
    assert [path.stat().st_mode & 0o777 for path in work.rglob("*.sqlite3")] == [0o600]
    ethelred(*build, ETHELRED_WORK=str(work))
    assert len(list(work.rglob("*.sqlite3"))) == 1


def test_obtained_copies_can_be_built_from_later(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    done = ethelred("obtain", nights[0].raw, "--to", tmp_path / "copies")
    copy = tmp_path / "copies" / "2026-03-21-db.sqlite3"
    assert done.stdout.strip() == str(copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    store = tmp_path / "ethelred.duckdb"
    ethelred("build", copy, "--datastore", store, "--init")
    again = ethelred("build", nights[0].raw, "--datastore", store)
    assert "nothing new" in again.stdout


def test_a_text_that_is_not_utf8_does_not_fail_the_copy(ethelred: Ethelred, tmp_path: Path) -> None:
    copy, store = tmp_path / "copy.sqlite3", tmp_path / "ethelred.duckdb"
    copy.write_bytes((SAMPLES / "damaged" / "good.sqlite3").read_bytes())
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(
            "update opencodelists_user set last_login = cast(x'32303235ff' as text)"
            " where username = (select max(username) from opencodelists_user)"
        )
    done = ethelred(
        *("build", copy, "--datastore", store, "--init"), *("--taken-at", "2026-03-27T02:00Z")
    )
    assert "1 value could not be taken for a login" in done.stderr
    assert list(tmp_path.glob("copy.sqlite3-*")) == []


def test_nothing_of_a_user_is_in_the_datastore_the_output_or_the_log(
    ethelred: Ethelred, tmp_path: Path
) -> None:
    store = tmp_path / "ethelred.duckdb"
    copy = SAMPLES / "damaged" / "odd-last-login.sqlite3.zst"
    done = ethelred("build", copy, "--datastore", store, "--init", "--debug")
    plain = tmp_path / "plain"
    ethelred("obtain", copy, "--to", plain)
    with closing(sqlite3.connect(next(plain.iterdir()))) as connection:
        users = connection.execute(
            "select username, name, email from opencodelists_user"
        ).fetchall()
    personal = {value.encode() for user in users for value in user if value and len(value) > 5}
    assert len(personal) > 300
    content = store.read_bytes() + (done.stdout + done.stderr).encode()
    assert [value for value in personal if value in content] == []


def test_a_terminated_run_leaves_no_copy_behind(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    work = tmp_path / "work"
    store = str(tmp_path / "ethelred.duckdb")
    command = [str(PROGRAM), "build", str(nights[0].raw), "--datastore", store, "--init"]
    with subprocess.Popen(
        command, env=os.environ | {"ETHELRED_WORK": str(work)}, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        assert "obtained" in run.stderr.readline()  # the copy lies there now
        assert list(work.rglob("*.sqlite3"))
        run.terminate()
        run.wait(timeout=20)
    assert run.returncode == 143
    assert list(work.iterdir()) == []
