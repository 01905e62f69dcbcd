"""The demo's simulated nights: always the same, and never in a real datastore."""

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from ethelred_runner.simulate import SIMULATIONS, Simulation, nights, taken_at, write_copies
from tests.conftest import Ethelred

UNTIL = datetime(2026, 11, 23, 12, tzinfo=UTC)
SCHEMA = ["password", "last_login", "username", "name", "email", "is_active", "is_admin"]
BROKEN_DAY = date(2026, 6, 10)


def test_there_is_a_night_for_each_day_but_for_a_gap_of_four() -> None:
    found = nights(UNTIL)
    assert (found[0], found[-1]) == (date(2025, 10, 1), date(2026, 11, 23))
    assert len(found) == (found[-1] - found[0]).days + 1 - 4
    assert nights(datetime(2026, 11, 23, 4, tzinfo=UTC))[-1] == date(2026, 11, 22)


@pytest.mark.parametrize("simulation", SIMULATIONS, ids=lambda one: str(one.platform))
def test_a_night_is_the_same_whichever_nights_are_wanted(
    tmp_path: Path, simulation: Simulation
) -> None:
    alone, among = tmp_path / "alone", tmp_path / "among"
    alone.mkdir()
    among.mkdir()
    wanted = date(2025, 11, 3)
    (one,) = write_copies(simulation, [wanted], alone)
    many = list(write_copies(simulation, nights(datetime(2025, 11, 5, tzinfo=UTC)), among))
    assert hashlib.sha256(one.read_bytes()).digest() in {
        hashlib.sha256(path.read_bytes()).digest() for path in many if path.name == one.name
    }
    assert one.stat().st_mtime == taken_at(wanted).timestamp()


def test_a_copy_has_the_platforms_table_of_users(tmp_path: Path) -> None:
    (path,) = write_copies(SIMULATIONS[1], [date(2025, 10, 2)], tmp_path)
    with closing(sqlite3.connect(path)) as copy:
        rows = copy.execute("select * from pragma_table_info('opencodelists_user')").fetchall()
        newest = copy.execute("select max(last_login) from opencodelists_user").fetchone()[0]
    assert [row[1] for row in rows] == SCHEMA
    assert newest.startswith("2025-10-01")
    assert len(newest) == 26


def test_only_the_demo_knows_the_demos_platform(ethelred: Ethelred, tmp_path: Path) -> None:
    (path,) = write_copies(SIMULATIONS[1], [date(2025, 10, 2)], tmp_path)
    store = tmp_path / "ethelred.duckdb"
    options = ["--datastore", store, "--init", "--platform", "demo_workbench"]
    done = ethelred("build", path, *options, code=2)
    assert done.stderr.strip().endswith("seeds/platforms.csv has: opencodelists")
    assert not store.exists()


@pytest.mark.slow
def test_the_demo_has_a_year_of_two_platforms_and_a_second_run_adds_nothing(
    ethelred: Ethelred, demo_datastore: Path
) -> None:
    with closing(duckdb.connect(demo_datastore, read_only=True)) as connection:
        days = connection.sql(
            "select platform, count(*) from logins_timeseries"
            " where coverage = 'complete' group by platform order by platform"
        ).fetchall()
        partial = connection.sql(
            "select day from logins_timeseries"
            " where coverage = 'partial' and day > date '2025-10-01' and platform = 'opencodelists'"
        ).fetchall()
        (broken,) = connection.sql(
            f"select logins < expected_low from logins_timeseries"
            f" where platform = 'demo_workbench' and day = date '{BROKEN_DAY}'"
        ).fetchall()
    assert [platform for platform, _ in days] == ["demo_workbench", "opencodelists"]
    assert all(count > 365 for _, count in days)
    assert len(partial) == 6
    assert broken == (True,)
    before = demo_datastore.read_bytes()
    done = ethelred("demo", "--datastore", demo_datastore, "--no-report")
    assert "read before" in done.stdout
    assert demo_datastore.read_bytes() == before
