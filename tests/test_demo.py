"""The demo's nights are always the same, show events on every date, and stay in the demo."""

import csv
import hashlib
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from ethelred_runner.demo import DEMO_SEEDS, demo, demo_seeds, write_seeds
from ethelred_runner.demo.calendar import (
    GAP,
    OUTAGE,
    TAKEN_AT,
    annotations,
    days_between,
    first_night,
    is_christmas,
    last_night,
    nights_with_copies,
)
from ethelred_runner.demo.simulate import SIMULATIONS, Simulation, write_copies
from ethelred_runner.errors import UsageError
from ethelred_runner.obtain.platforms import find_platform

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST = date(2025, 10, 1)
SCHEMA = ["password", "last_login", "username", "name", "email", "is_active", "is_admin"]
FIRST_VIEW = timedelta(days=90)  # before the last finished day: the site's three months


def test_the_newest_copy_is_that_of_the_last_five_in_the_morning() -> None:
    assert last_night(NOON) == date(2026, 11, 23)
    assert last_night(datetime(2026, 11, 23, 5, 0, 20, tzinfo=UTC)) == date(2026, 11, 23)
    assert last_night(datetime(2026, 11, 23, 5, 0, 19, tzinfo=UTC)) == date(2026, 11, 22)


@pytest.mark.parametrize("month", range(1, 13))
def test_on_every_day_of_every_month_the_first_view_has_partial_days_and_notes(month: int) -> None:
    for day in range(1, 29):
        last = date(2027, month, day)
        first = first_night(last)
        nights = nights_with_copies(first, last)
        assert (nights[0], nights[-1]) == (first, last)
        assert (last - first).days > 390
        seen_from = last - timedelta(days=1) - FIRST_VIEW
        missed = set(days_between(seen_from, last)) - set(nights)
        assert 4 <= len(missed) <= 8
        notes = [(on, text) for _, on, _, text in annotations(2027) if seen_from <= on < last]
        assert {on for on, text in notes if text == GAP.annotation} <= missed | {first}
        assert any(text == GAP.annotation for _, text in notes)
        outages = [on for on, text in notes if text == OUTAGE.annotation]
        assert all(on.weekday() < 5 for on in outages)
        assert outages or any(is_christmas(on) for on in days_between(seen_from, last))
        assert any(is_christmas(on) for on in days_between(first, last))


def test_a_day_later_there_is_one_night_more() -> None:
    for day in days_between(date(2026, 11, 1), date(2027, 4, 1)):
        before, after = (nights_with_copies(FIRST, last) for last in (day, day + timedelta(days=1)))
        assert set(after) - set(before) == {day + timedelta(days=1)}
        assert all(GAP.includes(night) for night in set(before) - set(after))


@pytest.mark.parametrize("simulation", SIMULATIONS, ids=lambda one: str(one.platform))
def test_a_night_is_the_same_whichever_nights_are_wanted(
    tmp_path: Path, simulation: Simulation
) -> None:
    alone, among = tmp_path / "alone", tmp_path / "among"
    alone.mkdir()
    among.mkdir()
    wanted = date(2025, 11, 3)
    (one,) = write_copies(simulation, FIRST, [wanted], alone)
    nights = nights_with_copies(FIRST, date(2025, 11, 5))
    many = list(write_copies(simulation, FIRST, nights, among))
    assert hashlib.sha256(one.read_bytes()).digest() in {
        hashlib.sha256(path.read_bytes()).digest() for path in many if path.name == one.name
    }
    assert one.stat().st_mtime == datetime.combine(wanted, TAKEN_AT).timestamp()


def test_a_copy_has_the_platforms_table_of_users(tmp_path: Path) -> None:
    (path,) = write_copies(SIMULATIONS[1], FIRST, [date(2025, 10, 2)], tmp_path)
    with closing(sqlite3.connect(path)) as copy:
        rows = copy.execute("select * from pragma_table_info('opencodelists_user')").fetchall()
        newest = copy.execute("select max(last_login) from opencodelists_user").fetchone()[0]
    assert [row[1] for row in rows] == SCHEMA
    assert newest.startswith("2025-10-01")
    assert len(newest) == 26


def test_only_the_demo_knows_the_demos_platform_and_notes() -> None:
    with pytest.raises(UsageError, match=r"seeds/platforms\.csv has: opencodelists, job-server$"):
        find_platform("demo_workbench")
    write_seeds(DEMO_SEEDS, NOON.date())
    with (DEMO_SEEDS / "annotations.csv").open(encoding="utf-8") as lines:
        assert {row["platform"] for row in csv.DictReader(lines)} == {"all", "demo_workbench"}
    with demo_seeds():
        assert find_platform("demo_workbench").platform_name == "Workbench (demo)"


@pytest.mark.slow
def test_the_demo_has_a_year_of_two_platforms_and_a_second_run_adds_nothing(
    demo_datastore: Path, tmp_path: Path
) -> None:
    path = shutil.copyfile(demo_datastore, tmp_path / "ethelred.duckdb")
    with closing(duckdb.connect(path, read_only=True)) as connection:
        ((newest,),) = connection.sql("select max(taken_at) from copies").fetchall()
        days = connection.sql(
            "select platform, count(*) from logins_timeseries"
            " where coverage = 'complete' group by platform order by platform"
        ).fetchall()
        ((partial,),) = connection.sql(
            "select count(*) from logins_timeseries where coverage = 'partial'"
            f" and platform = 'opencodelists' and day >= date '{newest.date() - FIRST_VIEW}'"
        ).fetchall()
        unusual = connection.sql(
            "select day from unusual_days"
            " where verdict = 'quiet_as_expected' and platform = 'demo_workbench'"
        ).fetchall()
    assert [platform for platform, _ in days] == ["demo_workbench", "opencodelists"]
    assert all(count > 365 for _, count in days)
    assert 4 <= partial <= 8
    newest_outage = max(day for day in days_between(FIRST, newest.date()) if OUTAGE.includes(day))
    assert (newest_outage,) in unusual
    before = path.read_bytes()
    demo(str(path), with_report=False, now=newest.replace(tzinfo=UTC))
    assert path.read_bytes() == before
