"""Whatever a run would lose is noticed before anything is replaced, and what is there is shown."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ethelred_runner.append.checks import check_nothing_gone, read_history
from ethelred_runner.errors import DatastoreError
from tests.support.datastores import execute, sha256
from tests.support.dbt_runs import PROJECT, copy_project
from tests.support.program import PROGRAM, Ethelred
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
    "a column": "alter table copies drop column taken_at_from",
    "a column of logins": "alter table logins drop column copy_id",
    "when a copy was taken": "update copies set taken_at = taken_at + interval 1 second",
    "what a renamed model doesn't append": "insert into copies select * replace ('new' as copy_id)"
    " from copies limit 1",
}


@pytest.fixture
def store(datastore: Path, tmp_path: Path) -> Path:
    """Return a datastore of the ten nights that a test may change."""
    return shutil.copyfile(datastore, tmp_path / "ethelred.duckdb")


@pytest.mark.parametrize("loss", CHANGED)
def test_lost_history_is_noticed(loss: str, store: Path) -> None:
    before = read_history(store)
    execute(store, CHANGED[loss])
    with pytest.raises(DatastoreError, match="would lose history"):
        check_nothing_gone(store, before)
    if loss in CUT:
        with pytest.raises(DatastoreError, match="its history was cut"):
            read_history(store)


def test_what_grows_is_no_loss(store: Path) -> None:
    before = read_history(store)
    execute(
        store,
        "insert into logins select * replace (ordinal + 9 as ordinal, appended_at + interval 1"
        " hour as appended_at) from logins",
        "alter table copies add column remark varchar",
    )
    check_nothing_gone(store, before)
    assert read_history(store) != before


FAILURES = {  # a file of the project, what is put at its beginning, the exit code
    "emptied": ("models/history/logins.sql", "{{ config(post_hook='delete from {{ this }}') }}", 5),
    "shortened": (
        "models/history/active_users.sql",
        "{{ config(post_hook='delete from {{ this }} where users = 154') }}",
        5,
    ),
    "failed test": ("tests/dbt/never_content.sql", "select 1 as one", 6),
}


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
def test_a_build_that_fails_or_loses_history_changes_nothing(
    failure: str, store: Path, nights: list[Night], tmp_path: Path
) -> None:
    was = sha256(store)
    project = copy_project(tmp_path / "project")
    shutil.copytree(PROJECT / "ethelred_runner", project / "ethelred_runner")
    name, added, code = FAILURES[failure]
    path = project / name
    path.write_text(f"{added}\n{path.read_text() if path.exists() else ''}")
    done = subprocess.run(
        [sys.executable, "-m", "ethelred_runner", "build", nights[9].raw, "--datastore", store],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert ("would lose history" if code == 5 else path.stem) in done.stderr
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
        os.kill(int(found[0]), signal.SIGKILL)
        said = runner.communicate()[1]
    assert runner.returncode == 6, said
    assert "Traceback" not in said
    assert sha256(store) == was


def test_status_lists_the_nights_that_are_missing(store: Path, ethelred: Ethelred) -> None:
    execute(
        store,
        "insert into collection_gaps values ('opencodelists', timestamp '2026-03-01 02:00:00',"
        " timestamp '2026-03-04 02:00:00', 72)",
    )
    found = json.loads(ethelred("status", "--json", "--datastore", store).stdout)["platforms"][0]
    assert found["gaps"][0]["nights"] == ["2026-03-02", "2026-03-03"]
    shown = ethelred("status", "--datastore", store).stdout
    assert "no copy of 2026-03-02 to 2026-03-03" in shown
    assert f"{found['logins']:,}" in shown


@pytest.mark.parametrize(("hours", "code"), [(10**6, 0), (30, 5), (0, 5)])
def test_a_stale_datastore_ends_with_5(
    hours: int, code: int, datastore: Path, ethelred: Ethelred
) -> None:
    age = f"--max-age={hours}"
    done = ethelred("status", "--json", age, "--datastore", datastore, code=code)
    assert json.loads(done.stdout)["platforms"]
    assert ("no copy was taken within" in done.stderr) == bool(code)
