"""`ethelred status` shows the facts of a datastore."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ethelred_runner.datastore import read_status
from tests.support.datastores import execute

FACTS = (
    "create table logins_timeseries as select 'p' as platform, day, coverage from (values"
    " (date '2026-03-01', 'partial'), (date '2026-03-02', 'complete'),"
    " (date '2026-03-03', 'complete'), (date '2026-02-28', 'before_collection')) d (day, coverage)",
    "create view collection_gaps as select 'p' as platform, timestamp '2026-03-01 02:00:07' as"
    " gap_started_at, timestamp '2026-03-04 02:00:00' as gap_ended_at, 72.0::double as gap_hours,"
    " date '2026-03-02' as first_missed_on, date '2026-03-03' as last_missed_on",
    "insert into copies select 'p', 'copy' || i, timestamp '2026-03-01 05:12:34' + interval"
    " (i) day, 'mtime', timestamp '2026-03-01 06:00:00' + interval (i) day, 10 + i, i,"
    " 100 + i from range(9) as numbers (i) order by i desc",
    "insert into copies values ('idle', 'c', timestamp '2026-03-01 05:00:00', 'override',"
    " timestamp '2026-03-01 06:00:00', 0, 0, 0)",
)


def test_all_facts(store: Path) -> None:
    idle, platform = read_status(execute(store, *FACTS))
    assert (idle["platform"], idle["logins"], idle["newest_login_at"]) == ("idle", 0, None)
    assert (idle["complete_days"], idle["gaps"], idle["copies"]) == (0, [], 1)
    taken_at = datetime(2026, 3, 9, 5)  # to the hour, as all times: D7
    age = datetime.now(UTC).replace(tzinfo=None) - taken_at
    assert abs(platform.pop("newest_copy_age_hours") - age / timedelta(hours=1)) < 0.2
    (gap,) = platform.pop("gaps")
    assert platform == {
        "platform": "p",
        "copies": 9,
        "newest_copy_taken_at": taken_at,
        "users": 18,
        "rejected_logins": 8,
        "logins": 1,
        "first_login_at": datetime(2026, 3, 1, 10),
        "newest_login_at": datetime(2026, 3, 1, 10),
        "last_finished_day": date(2026, 3, 3),
        "complete_days": 2,
        "partial_days": 1,
        "trouble": [],
    }
    assert gap == {
        "platform": "p",
        "gap_started_at": datetime(2026, 3, 1, 2),
        "gap_ended_at": datetime(2026, 3, 4, 2),
        "gap_hours": 72,
        "first_missed_on": date(2026, 3, 2),
        "last_missed_on": date(2026, 3, 3),
    }


def test_a_low_last_week_is_trouble(demo_datastore: Path, tmp_path: Path) -> None:
    store = shutil.copyfile(demo_datastore, tmp_path / "ethelred.duckdb")
    assert [platform["trouble"] for platform in read_status(store)] == [[], []]
    low = "update week_sentences set verdict = 'lower' where starts_on ="
    weeks = "from week_sentences where verdict is not null"
    execute(store, f"{low} (select max(starts_on) {weeks})")
    for platform in read_status(store):
        (trouble,) = platform["trouble"]
        assert trouble.startswith("fewer logins than usual from ")
    execute(store, "update week_sentences set verdict = 'usual'")
    execute(store, f"{low} (select max(starts_on) - 7 {weeks})")
    assert [platform["trouble"] for platform in read_status(store)] == [[], []]
