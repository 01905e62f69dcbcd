"""A build that would lose history is refused, and the datastore stays as it is."""

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ethelred_runner.append.append import append
from ethelred_runner.append.checks import check_nothing_lost, is_same, refuse_cut
from ethelred_runner.append.dbt import RESULT, build_error
from ethelred_runner.console import warned as warnings
from ethelred_runner.datastore import open_datastore
from ethelred_runner.errors import BuildFailed, DatastoreError
from ethelred_runner.obtain.copy_requests import requests_for
from tests.support.datastores import SETTLED, execute, names, query, sha256
from tests.support.dbt_runs import copy_project
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
    "when it was appended": f"update logins set appended_at = timestamp '2001-01-01' {SOME}",
    "a column": "alter table copies drop column taken_at_source",
    "a column of logins": "alter table logins drop column copy_id",
    "when a copy was taken": "update copies set taken_at = taken_at + interval 1 second",
    "what a renamed model doesn't append": "insert into copies select * replace ('new' as copy_id)"
    " from copies limit 1",
}


@pytest.fixture
def store(datastore: Path, tmp_path: Path) -> Path:
    """Return a datastore of the ten nights that a test may change."""
    return shutil.copyfile(datastore, tmp_path / "ethelred.duckdb")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make builds use a copy of the project, whose models a test may change."""
    copy = copy_project(tmp_path / "project")
    monkeypatch.setattr("ethelred_runner.append.dbt.PROJECT", copy)
    return copy


@pytest.mark.parametrize("loss", CHANGED)
def test_lost_history_is_noticed(loss: str, store: Path) -> None:
    before = shutil.copyfile(store, store.with_name("before.duckdb"))
    execute(store, CHANGED[loss])
    with pytest.raises(DatastoreError, match="would lose history"):
        check_nothing_lost(store, before)
    if loss in CUT:
        with pytest.raises(DatastoreError, match="its history was cut"):
            refuse_cut(store)


def test_what_grows_is_no_loss(store: Path) -> None:
    """Somebody has deleted rows before, so the rows' numbers have holes."""
    execute(store, f"delete from logins {SOME.replace('max', 'min')}")
    before = shutil.copyfile(store, store.with_name("before.duckdb"))
    assert is_same(store, before)
    execute(
        store,
        "insert into logins select * replace (ordinal + 9 as ordinal, appended_at + interval 1"
        " hour as appended_at) from logins",
        "alter table copies add column remark varchar",
    )
    check_nothing_lost(store, before)
    assert not is_same(store, before)


FAILURES = {  # a file of the project, the text to put before it, the error and its words
    "emptied": (
        "models/history/logins.sql",
        "{{ config(post_hook='delete from {{ this }}') }}",
        DatastoreError,
        "would lose history",
    ),
    "shortened": (
        "models/history/active_users.sql",
        "{{ config(post_hook='delete from {{ this }} where users = 154') }}",
        DatastoreError,
        "would lose history",
    ),
    "failed test": ("tests/dbt/never.sql", "select 1 as one", BuildFailed, "test never: "),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failure", "without_tests"), [("emptied", False), ("failed test", False), ("shortened", True)]
)
def test_a_build_that_fails_or_loses_history_changes_nothing(
    failure: str, without_tests: bool, store: Path, nights: list[Night], project: Path
) -> None:
    was, (name, added, error, words) = sha256(store), FAILURES[failure]
    path = project / name
    path.write_text(f"{added}\n{path.read_text() if path.exists() else ''}")
    if without_tests:  # then only the runner can notice
        for test in (project / "tests" / "dbt").iterdir():
            test.unlink()
    requests = requests_for([str(nights[9].raw)], "opencodelists", None)
    with open_datastore(str(store)) as datastore, pytest.raises(error, match=words):
        append(requests, datastore)
    assert sha256(store) == was
    assert names(store.parent) <= SETTLED | {"project"}


BROKEN_CONTRACT = """
model users_per_week: Compilation Error in model users_per_week (models/report/users_per_week.sql)
  This model has an enforced contract that failed.
  Please ensure the name, data_type, and number of columns in your contract match the columns in \
your model's definition.

  | column_name | definition_type | contract_type | mismatch_reason    |
  | ----------- | --------------- | ------------- | ------------------ |
  | users       | HUGEINT         | BIGINT        | data type mismatch |
"""


def test_the_column_that_breaks_a_contract_is_told(tmp_path: Path) -> None:
    (tmp_path / RESULT).write_text(json.dumps([BROKEN_CONTRACT]))
    assert "| users | HUGEINT | BIGINT | data type" in str(build_error(tmp_path, []))


@pytest.mark.slow
def test_the_same_content_of_another_platform_and_what_a_mended_model_shows_are_new(
    store: Path, nights: list[Night], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another time zone, only the days are counted again.

    A log or a parse cache that can't be written doesn't stop that. Neither do dbt's own variables.
    """
    with (project / "seeds" / "platforms.csv").open("a") as seed:
        seed.write("other,Other,opencodelists_user,last_login,,\n")
    requests = requests_for([str(nights[9].raw)], "opencodelists", None)
    requests += [replace(requests[0], platform=replace(requests[0].platform, platform="other"))]
    execute(store, f"delete from logins {SOME}", "update copies set new_logins = 0")
    with open_datastore(str(store)) as datastore:
        appended = append(requests, datastore)
        be_in_the_way(project, monkeypatch)
        warned = len(warnings)
        again = append(requests, datastore)
    assert [copy["platform"] for copy in appended.new_copies] == ["other"]
    brought = appended.new_copies[0]["new_logins"]
    mended = query(store, "select count(*) from logins where platform = 'opencodelists'")
    assert query(store, "select count(*) from logins")[0][0] - brought == mended[0][0]
    assert appended.new_logins == brought + 1
    assert (again.new_logins, list(again.new_copies)) == (0, [])
    assert [text.partition(" can't be written")[0] for text in warnings[warned:]] == [
        str(project / "logs" / "dbt.log"),
        str(project / "target" / "build" / "partial_parse.msgpack"),
        "all days were counted again: in Pacific/Auckland time, before in Europe/London time",
    ]
    counted = query(store, "select platform, day, logins from logins_per_day")
    day = "cast(logged_in_at at time zone 'UTC' at time zone 'Pacific/Auckland' as date)"
    assert counted == query(store, f"select platform, {day}, count(*) from logins group by all")
    assert query(store, "select distinct reporting_time_zone from collection_summary") == [
        ("Pacific/Auckland",)
    ]


def be_in_the_way(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = project / "dbt_project.yml"
    settings.write_text(settings.read_text().replace("Europe/London", "Pacific/Auckland"))
    shutil.rmtree(project / "target")
    for name in ("logs", "target"):
        (project / name).write_text("in the way")
    monkeypatch.setattr("ethelred_runner.programs.LOGS", project / "logs")
    for name, value in {"DBT_TARGET": "x", "DBT_EMPTY": "1", "DBT_SELECT": "x"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.slow
def test_an_export_of_an_older_version_makes_a_datastore_of_this_one(
    store: Path, ethelred: Ethelred, tmp_path: Path
) -> None:
    """It lacks a column that a later version has added. All its rows come back."""
    execute(store, "alter table copies drop column taken_at_source")
    out, again = tmp_path / "out", tmp_path / "again.duckdb"
    ethelred("export", out, "--datastore", store)
    ethelred("import", out, "--datastore", again)
    assert query(again, "from logins") == query(store, "from logins")
    for sql in ("select * exclude (taken_at_source) from copies", "from logins_timeseries"):
        expected = sql.replace(" exclude (taken_at_source)", "")
        assert query(again, sql) == query(store, expected)
    nullable = "select is_nullable from duckdb_columns() where column_name = 'logged_in_at'"
    assert (False,) in query(again, nullable)
    ethelred("import", out, "--datastore", again, code=5)
    ethelred("import", tmp_path, "--datastore", tmp_path / "new.duckdb", code=2)


@pytest.mark.slow
def test_a_dbt_that_is_killed_for_its_memory(store: Path, nights: list[Night]) -> None:
    """The system kills the largest program, and not the runner."""
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
        "insert into collection_gaps by name select 'opencodelists' as platform, 72 as gap_hours,"
        " timestamp '2026-03-01 02:00:00' as gap_started_at, date '2026-03-02' as first_missed_on,"
        " timestamp '2026-03-04 02:00:00' as gap_ended_at, date '2026-03-03' as last_missed_on",
    )
    found = json.loads(ethelred("status", "--json", "--datastore", store).stdout)["platforms"][0]
    assert found["gaps"][0]["first_missed_on"] == "2026-03-02"
    assert found["gaps"][0]["last_missed_on"] == "2026-03-03"
    ends = {"ETHELRED_DATASTORE": f"{store}\r\n", "ETHELRED_DEBUG": "no\r"}
    shown = ethelred("status", **ends).stdout
    assert "no copy of 2026-03-02 to 2026-03-03" in shown
    assert f"{found['logins']:,}" in shown


@pytest.mark.parametrize(("hours", "code"), [(10**6, 0), (30, 5), (0, 5)])
def test_a_stale_datastore_ends_with_5(
    hours: int, code: int, datastore: Path, ethelred: Ethelred
) -> None:
    age = f"--fail-after={hours}"
    done = ethelred("status", "--json", age, "--datastore", datastore, code=code)
    assert json.loads(done.stdout)["platforms"]
    assert ("no copy was taken within" in done.stderr) == bool(code)
