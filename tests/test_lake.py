"""The target `lake`: a DuckLake with its catalogue in PostgreSQL and its files in S3.

It keeps history as a file does, also when runs are killed or two write at once.
"""

import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ethelred_runner.obtain.copy_requests import requests_for
from ethelred_runner.obtain.last_logins import obtain_logins
from ethelred_runner.report.evidence import hand_over, stage
from tests.support.datastores import sha256
from tests.support.dbt_runs import copy_project_for, write_copies
from tests.support.lake import copy_database, lake, lake_connection, start_build
from tests.support.program import PROJECT, Ethelred
from tests.support.simulated import BEGINNINGS, MOMENTS, History, Shown, draw_event
from tests.support.truth import Night
from tests.test_properties import agree_with_the_simulation, arrange, settled

pytestmark = pytest.mark.dice

GUIDE = PROJECT / "docs" / "scale.md"
KILLS = [  # the model and the statement after which a run is killed
    *(("logins", "insert"), ("logins", "commit"), ("active_users", "insert")),
    *(("active_users", "commit"), ("rejected_logins", "commit"), ("copies", "insert")),
    *(("copies", "commit"), ("logins_per_day", "delete"), ("logins_per_day", "commit")),
    ("logins_timeseries", "create"),
]


@pytest.fixture
def variables(s3_port: int, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the environment of an empty lake."""
    with lake(s3_port, tmp_path) as found:
        yield found


def ended(build: "subprocess.Popen[str]") -> int:
    said = build.communicate()[0]
    assert build.returncode in (0, -9), said
    return build.returncode


def test_any_order_grouping_and_repetition_stores_what_the_copies_show(
    variables: dict[str, str], tmp_path: Path
) -> None:
    histories, runs = arrange(random.SystemRandom().sample(range(10**9), 100))
    platforms = sorted({platform for run in runs for platform, _ in run})
    project = copy_project_for(tmp_path / "project", platforms)
    found = []
    for number, run in enumerate(runs):
        copies = write_copies(tmp_path / f"copies-{number}.duckdb", run)
        assert ended(start_build(variables, project, copies)) == 0
        found.append(settled(copy_database(variables, tmp_path / f"after-{number}.duckdb")))
    for seed, history in histories.items():
        expected = found[0][f"once_{seed}"]
        agree_with_the_simulation(expected, history)
        for after in found[-2:]:
            assert after[f"arranged_{seed}"] == expected, f"the history of seed {seed}"


def test_of_two_writers_and_kills_in_each_phase_nothing_is_lost(
    variables: dict[str, str], tmp_path: Path
) -> None:
    """One writer is killed while another waits. At the end the killed one's copies come again."""
    history = long_history(2 * len(KILLS) + 1)
    project = copy_project_for(tmp_path / "project", ["p"])

    def start(name: str, numbers: Sequence[int], *kill: str) -> "subprocess.Popen[str]":
        shown: list[tuple[str, Shown]] = [("p", history.copy(number)) for number in numbers]
        copies = write_copies(tmp_path / f"{name}.duckdb", shown)
        return start_build(variables, project, copies, *kill)

    assert ended(start("first", [0])) == 0
    for number, kill in enumerate(KILLS):
        killed = start(f"killed-{number}", [2 * number + 1], *kill)
        other = start(f"other-{number}", [2 * number + 2])
        assert (ended(killed), ended(other)) == (-9, 0), kill
    assert ended(start("again", range(1, 2 * len(KILLS), 2))) == 0
    found = settled(copy_database(variables, tmp_path / "after.duckdb"))["p"]
    assert found["logins"] == sorted(history.logins())
    agree_with_the_simulation(found, history)


def long_history(nights: int) -> History:
    rng, beginning = random.SystemRandom(), BEGINNINGS[-1]
    moments = [beginning + timedelta(days=n) + rng.choice(MOMENTS) for n in range(nights)]
    events = tuple(draw_event(rng, moments) for _ in range(9 * nights))
    taken_at = tuple(beginning + timedelta(days=n, hours=3) for n in range(nights))
    return History(events, taken_at, bad=(0, 1), style=0)


LOSSES = [
    "delete from logins where logged_in_at = (select max(logged_in_at) from logins)",
    "update copies set users = users",
    "create or replace table active_users as from active_users",
]


def test_what_is_deleted_changed_or_replaced_is_noticed(
    variables: dict[str, str], tmp_path: Path
) -> None:
    history = long_history(3)
    project = copy_project_for(tmp_path / "project", ["p"])
    shown = [("p", history.copy(number)) for number in range(3)]
    copies = write_copies(tmp_path / "copies.duckdb", shown)
    assert ended(start_build(variables, project, copies)) == 0
    for loss in LOSSES:
        with closing(lake_connection(variables)) as connection:
            connection.execute("use lake")
            connection.execute("call ducklake_expire_snapshots('lake', older_than => now())")
            connection.execute(loss)
        build = start_build(variables, project, copies)
        said = build.communicate()[0]
        assert build.returncode == 1, loss
        assert "history_was_only_appended_to" in said, loss


def test_the_site_of_a_lake_is_the_same_as_of_a_file_to_the_last_digit(
    variables: dict[str, str], datastore: Path, nights: list[Night], tmp_path: Path
) -> None:
    """The file was appended to once; the lake is in two runs, in which two nights come twice."""
    for number, some in enumerate([nights[:6], nights[4:]]):
        (folder := tmp_path / f"run-{number}").mkdir()
        requests = requests_for([str(night.raw) for night in some], "", None)
        assert ended(start_build(variables, PROJECT, obtain_logins(requests, folder))) == 0
    lake_file = copy_database(variables, tmp_path / "lake.duckdb")
    in_file = handed_over(datastore, tmp_path / "of-file")
    assert handed_over(lake_file, tmp_path / "of-lake") == in_file


def handed_over(datastore: Path, folder: Path) -> dict[str, str]:
    """Return the names and checksums of all files of which the site is built."""
    stage(folder)
    hand_over(datastore, folder)
    found = [path for path in (folder / ".evidence").rglob("*") if path.is_file()]
    assert found
    return {str(path.relative_to(folder)): sha256(path) for path in found}


def test_history_moves_there_and_back_as_the_guide_says(
    variables: dict[str, str], datastore: Path, ethelred: Ethelred, tmp_path: Path
) -> None:
    there, back = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(), re.S)
    moved = tmp_path / "moved.duckdb"
    nothing = write_copies(tmp_path / "copies.duckdb", [])
    assert ended(start_build(variables, PROJECT, nothing)) == 0
    with closing(lake_connection(variables)) as connection:
        connection.execute(there.replace("data/ethelred.duckdb", str(datastore)))
    assert ended(start_build(variables, PROJECT, nothing, "--full-refresh")) == 0
    with closing(lake_connection(variables)) as connection:
        connection.execute(back.replace("data/moved.duckdb", str(moved)))
    ethelred("build", "--recount", "--datastore", moved)
    assert handed_over(moved, tmp_path / "back") == handed_over(datastore, tmp_path / "before")
