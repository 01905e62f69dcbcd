"""Whatever goes wrong in a build, the datastore is as it was, and lost history is noticed."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ethelred_runner.append.append import append
from ethelred_runner.append.checks import check_nothing_gone, read_history
from ethelred_runner.append.result import Appended
from ethelred_runner.datastore import open_datastore
from ethelred_runner.errors import BuildFailed, DatastoreError
from ethelred_runner.obtain.requests import requests_for
from tests.support.datastores import SETTLED, execute, names, query, sha256
from tests.support.dbt_runs import copy_project
from tests.support.program import PROGRAM
from tests.support.truth import Night

SOME = "where logged_in_at = (select max(logged_in_at) from logins)"
CUT = {
    "a login": f"delete from logins {SOME}",
    "all logins": "truncate logins",
    "the table of logins": "drop table logins",
    "a copy's counts": "delete from active_users where users = 154",
    "the table of copies": "alter table copies rename to read_copies",
    "rejected values": "update copies set rejected_logins = 3",
    "a table made into a view": "alter table active_users rename to kept;"
    " create view active_users as from kept",
}
CHANGED = CUT | {
    "a copy": "delete from copies where users = 154",
    "a login's moment": f"update logins set logged_in_at = timestamp '2001-01-01' {SOME}",
    "a login's number": f"update logins set ordinal = 7 {SOME}",
    "when it was appended": f"update logins set appended_at = timestamp '2001-01-01' {SOME}",
    "a column": "alter table copies drop column taken_at_from",
    "a column of logins": "alter table logins drop column copy_id",
    "when a copy was taken": "update copies set taken_at = taken_at + interval 1 second",
}


def append_nights(store: Path, nights: list[Night], *, init: bool = False) -> Appended:
    requests = requests_for([str(night.raw) for night in nights], "opencodelists", None)
    with open_datastore(str(store)) as datastore:
        return append(requests, datastore, init=init)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the person who runs the tests has set plays no part."""
    for name in [name for name in os.environ if name.startswith(("ETHELRED_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ETHELRED_WORK", str(tmp_path / "work"))


@pytest.fixture(scope="session")
def eight_nights(tmp_path_factory: pytest.TempPathFactory, nights: list[Night]) -> Path:
    """Build a datastore of the first eight nights; only read it."""
    store = tmp_path_factory.mktemp("eight-nights") / "ethelred.duckdb"
    append_nights(store, nights[:8], init=True)
    return store


@pytest.fixture
def store(eight_nights: Path, tmp_path: Path) -> Path:
    """Return a datastore of the first eight nights that a test may change."""
    folder = tmp_path / "store"
    folder.mkdir()
    return shutil.copyfile(eight_nights, folder / "ethelred.duckdb")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have builds use a copy of the project, whose models a test may change."""
    copy = copy_project(tmp_path / "project")
    monkeypatch.setattr("ethelred_runner.append.dbt.PROJECT", copy)
    return copy


@pytest.mark.parametrize("loss", CHANGED)
def test_what_a_build_loses_is_noticed(loss: str, store: Path) -> None:
    before = read_history(store)
    execute(store, CHANGED[loss])
    with pytest.raises(DatastoreError, match="would lose history"):
        check_nothing_gone(store, before)


@pytest.mark.parametrize("loss", CUT)
def test_what_was_cut_between_two_runs_is_noticed(
    loss: str, store: Path, nights: list[Night]
) -> None:
    was = sha256(execute(store, CUT[loss]))
    with pytest.raises(DatastoreError, match="its history was cut"):
        append_nights(store, nights[8:9])
    assert sha256(store) == was
    assert names(store.parent) <= SETTLED


def test_what_grows_is_no_loss(store: Path) -> None:
    before = read_history(store)
    check_nothing_gone(store, before)
    execute(
        store,
        "insert into logins select * replace (ordinal + 9 as ordinal, appended_at + interval 1"
        " hour as appended_at) from logins",
        "alter table copies add column remark varchar",
        "update logins_per_day set logins = logins + 1",
    )
    check_nothing_gone(store, before)
    assert read_history(store) != before


@pytest.mark.parametrize("tables", ["logins_per_day", "logins_timeseries"])
def test_marts_that_were_lost_come_again_with_any_copy(
    tables: str, store: Path, nights: list[Night]
) -> None:
    before = query(store, f"from {tables}")
    execute(store, f"drop table {tables}")
    assert append_nights(store, nights[7:8]).copies == []
    assert query(store, f"from {tables}") == before


def test_without_enough_memory(store: Path, nights: list[Night]) -> None:
    was = sha256(store)
    limit = 600 * 2**20  # bytes of address space: enough to begin
    done = subprocess.run(
        [PROGRAM, "build", nights[8].raw, "--datastore", store],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (5, 6), done.stderr
    assert "Traceback" not in done.stderr
    assert sha256(store) == was


@pytest.mark.slow
def test_a_dbt_that_is_killed_for_its_memory(store: Path, nights: list[Night]) -> None:
    """The system's out-of-memory killer takes the largest program, and leaves the runner."""
    was = sha256(store)
    command: list[str | Path] = [PROGRAM, "build", nights[8].raw, "--datastore", store]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as runner:
        children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children")
        while not (found := children.read_text().split()):
            time.sleep(0.02)
        time.sleep(1)
        os.kill(int(found[0]), signal.SIGKILL)
        said = runner.communicate()[1]
    assert runner.returncode == 6, said
    assert "Traceback" not in said
    assert sha256(store) == was
    assert names(store.parent) <= SETTLED


def refused(store: Path, nights: list[Night], error: type[Exception], words: str) -> None:
    """Append to a datastore, which fails and leaves it as it was."""
    was = sha256(store)
    with pytest.raises(error, match=words):
        append_nights(store, nights[8:])
    assert sha256(store) == was
    assert names(store.parent) <= SETTLED


def test_a_failing_data_test_is_named(store: Path, nights: list[Night], project: Path) -> None:
    (project / "tests" / "dbt" / "never_content.sql").write_text("select 1 as one")
    refused(store, nights, BuildFailed, "never_content")


LOSSES = {
    "emptied": ("logins.sql", "{{ config(post_hook='delete from {{ this }}') }}\n"),
    "shortened": (
        "active_users.sql",
        "{{ config(post_hook='delete from {{ this }} where users = 154') }}\n",
    ),
    "rebuilt": ("copies.sql", "{{ config(materialized='table') }}\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("without_tests", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_model_that_loses_history_is_refused(
    loss: str, without_tests: bool, store: Path, nights: list[Night], project: Path
) -> None:
    name, config = LOSSES[loss]
    model = project / "models" / "history" / name
    model.write_text(config + model.read_text())
    if without_tests:  # dbt's own see nothing then: the runner must
        shutil.rmtree(project / "tests" / "dbt")
        (project / "tests" / "dbt").mkdir()
    refused(store, nights, DatastoreError, "history")


@pytest.mark.slow
def test_a_renamed_model_is_refused(store: Path, nights: list[Night], project: Path) -> None:
    """The old table stays, and nothing is added to it: the new one begins from nothing."""
    for path in [*project.glob("models/**/*.*"), *project.glob("tests/dbt/*.sql")]:
        text = path.read_text().replace("ref('active_users')", "ref('active_people')")
        path.write_text(
            re.sub(r"(name|model): active_users$", r"\1: active_people", text, flags=re.M)
        )
    for model in project.glob("models/history/active_users.*"):
        model.rename(model.with_stem("active_people"))
    refused(store, nights, DatastoreError, "active_users")


@pytest.mark.slow
def test_a_full_refresh_drops_nothing_that_accumulates(store: Path, project: Path) -> None:
    before = query(store, "from logins")
    dbt = Path(sys.executable).with_name("dbt")
    variables = {"ETHELRED_DBT_DATABASE": str(store), "ETHELRED_DBT_COPIES": "copies.duckdb"}
    command = [dbt, "build", "--full-refresh"]
    subprocess.run(command, cwd=project, env=os.environ | variables, check=True)
    assert query(store, "from logins") == before
