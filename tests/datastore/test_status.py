"""The facts of a datastore, asked once."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ethelred_runner.datastore import CopyStatus, Gap, read_status
from tests.support.datastores import execute

MARTS = (
    "create table logins_timeseries as select 'p' as platform, day, coverage from (values"
    " (date '2026-03-01', 'partial'), (date '2026-03-02', 'complete'),"
    " (date '2026-03-03', 'complete'), (date '2026-02-28', 'before_collection')) d (day, coverage)",
    "create view collection_gaps as select 'p' as platform, timestamp '2026-03-01 02:00:00' as"
    " from_at, timestamp '2026-03-04 02:00:00' as to_at, 72.0::double as hours",
)


def test_a_history_without_marts(store: Path) -> None:
    assert read_status(store).platforms == []
    assert read_status(store).size_bytes == store.stat().st_size
    (platform,) = read_status(with_copies(store, 2)).platforms
    assert (platform.complete_days, platform.last_finished_day, platform.gaps) == (0, None, [])
    assert platform.copies == 2


def with_copies(store: Path, number: int) -> Path:
    return execute(
        store,
        "insert into copies select 'p', 'copy' || i, timestamp '2026-03-01 05:00:00' + interval"
        " (i) day, 'modification', timestamp '2026-03-01 06:00:00' + interval (i) day, 10 + i, i,"
        f" 100 + i from range({number}) as numbers (i)",
        "insert into copies values ('idle', 'c', timestamp '2026-03-01 05:00:00', 'statement',"
        " timestamp '2026-03-01 06:00:00', 0, 0, 0)"
        if number > 2
        else "select 1",
    )


def test_all_facts(store: Path) -> None:
    execute(with_copies(store, 9), *MARTS)
    idle, platform = read_status(store).platforms
    assert (idle.platform, idle.logins, idle.newest_login_at) == ("idle", 0, None)
    assert (idle.complete_days, idle.gaps, len(idle.last_copies)) == (0, [], 1)
    assert (platform.logins, platform.copies, platform.users) == (1, 9, 18)
    assert (platform.rejected_logins, platform.new_logins_of_last_copy) == (8, 108)
    assert platform.first_copy_taken_at == datetime(2026, 3, 1, 5)
    assert platform.newest_copy_taken_at == datetime(2026, 3, 9, 5)
    age = datetime.now(UTC).replace(tzinfo=None) - platform.newest_copy_taken_at
    assert abs(platform.newest_copy_age_hours - age / timedelta(hours=1)) < 0.2
    assert platform.first_login_at == platform.newest_login_at == datetime(2026, 3, 1, 10)
    assert platform.last_finished_day == date(2026, 3, 3)
    days = (platform.complete_days, platform.partial_days, platform.days_before_collection)
    assert days == (2, 1, 1)
    assert [copy.users for copy in platform.last_copies] == [18, 17, 16, 15, 14, 13, 12]
    newest = datetime(2026, 3, 9, 5)
    assert platform.last_copies[0] == CopyStatus(newest, newest.replace(hour=6), 18, 108, 8)
    (gap,) = platform.gaps
    assert gap.hours == 72
    assert gap.nights == [date(2026, 3, 2), date(2026, 3, 3)]


def test_the_nights_between_two_copies() -> None:
    assert Gap(datetime(2026, 2, 27, 5), datetime(2026, 3, 2, 5), 72).nights == [
        date(2026, 2, 28),
        date(2026, 3, 1),
    ]
    assert Gap(datetime(2026, 3, 1, 5), datetime(2026, 3, 2, 17), 36).nights == []
