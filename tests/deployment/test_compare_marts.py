"""CI says which marts, rows and columns a change of the models changes."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.datastores import execute
from tests.support.program import PROJECT

SCRIPT = PROJECT / "scripts" / "compare_marts.py"


def compare(before: Path, after: Path) -> str:
    command = [sys.executable, str(SCRIPT), str(before), str(after)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout


def test_each_kind_of_change_is_told(datastore: Path, tmp_path: Path) -> None:
    after = Path(shutil.copyfile(datastore, tmp_path / "after.duckdb"))
    newest = "where day = (select max(day) from logins_timeseries)"
    execute(
        after,
        f"update logins_timeseries set logins = logins + 1, rolling_mean_7d = null {newest}",
        "delete from active_users_per_day where day = (select min(day) from active_users_per_day)",
        "insert into collection_days"
        " select * replace (day + 999 as day) from collection_days limit 1",
        "alter table months_compared add column another integer",
        "alter table months_compared alter this_year type varchar using 'in ' || this_year",
        "drop table week_sentences",
        "update copies set users = 0",  # not compared: history is no mart
        "update logins_per_day set last_appended_at = now()",  # nor is this a figure
    )
    lines = compare(datastore, after).splitlines()[2:]
    assert lines == [
        "| `active_users_per_day` | 1 rows gone |",
        "| `collection_days` | 1 rows added |",
        "| `logins_timeseries` | 1 rows with another `logins`, 1 rows with another"
        " `rolling_mean_7d` |",
        "| `months_compared` | 12 rows with another `this_year`, column `another` new |",
        "| `week_sentences` | gone |",
    ]
    execute(after, "alter table collection_days rename day to date")
    back = compare(after, datastore)
    assert "| `collection_days` | another grain |" in back
    assert "| `week_sentences` | new |" in back
    assert "column `another` gone" in back


def test_without_a_change_that_is_told(datastore: Path) -> None:
    assert compare(datastore, datastore) == "No mart changes on the demo's data.\n"
