"""The facts of a datastore, asked once."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ethelred_runner.datastore import CopyStatus, Gap, read_status
from tests.support.datastores import execute

FACTS = (
    "create table logins_timeseries as select 'p' as platform, day, coverage from (values"
    " (date '2026-03-01', 'partial'), (date '2026-03-02', 'complete'),"
    " (date '2026-03-03', 'complete'), (date '2026-02-28', 'before_collection')) d (day, coverage)",
    "create view collection_gaps as select 'p' as platform, timestamp '2026-03-01 02:00:00' as"
    " gap_started_at, timestamp '2026-03-04 02:00:00' as gap_ended_at, 72.0::double as gap_hours",
    "insert into copies select 'p', 'copy' || i, timestamp '2026-03-01 05:00:00' + interval"
    " (i) day, 'mtime', timestamp '2026-03-01 06:00:00' + interval (i) day, 10 + i, i,"
    " 100 + i from range(9) as numbers (i) order by i desc",
    "insert into copies values ('idle', 'c', timestamp '2026-03-01 05:00:00', 'override',"
    " timestamp '2026-03-01 06:00:00', 0, 0, 0)",
)


def test_all_facts(store: Path) -> None:
    status = read_status(execute(store, *FACTS))
    assert status.size_bytes == store.stat().st_size
    idle, platform = status.platforms
    assert (idle.platform, idle.logins, idle.newest_login_at) == ("idle", 0, None)
    assert (idle.complete_days, idle.gaps, len(idle.copies)) == (0, [], 1)
    assert [copy.users for copy in platform.copies] == list(range(10, 19))
    taken_at = datetime(2026, 3, 9, 5)
    newest = CopyStatus("p", "copy8", taken_at, "mtime", taken_at.replace(hour=6), 18, 108, 8)
    assert platform.copies[-1] == newest
    age = datetime.now(UTC).replace(tzinfo=None) - taken_at
    assert abs(platform.newest_copy_age_hours - age / timedelta(hours=1)) < 0.2
    assert platform.logins == 1
    assert platform.first_login_at == platform.newest_login_at == datetime(2026, 3, 1, 10)
    assert platform.last_finished_day == date(2026, 3, 3)
    assert (platform.complete_days, platform.partial_days) == (2, 1)
    (gap,) = platform.gaps
    assert gap.gap_hours == 72
    assert gap.nights == [date(2026, 3, 2), date(2026, 3, 3)]
    assert Gap(datetime(2026, 3, 1, 5), datetime(2026, 3, 2, 17), 36).nights == []
