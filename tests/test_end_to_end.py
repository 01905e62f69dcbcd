"""The datastore of several nights equals the ground truth."""

import json
import random
from collections import Counter
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from backports import zstd

from tests.support.datastores import SETTLED, names
from tests.support.program import SAMPLES, Ethelred
from tests.support.truth import Login, Night, london_day, visible_logins

TRUTH = SAMPLES / "opencodelists"
DAMAGED = SAMPLES / "damaged"
FORMAT_2 = SAMPLES / "datastores" / "format-2.duckdb.zst"


def query(datastore: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(duckdb.connect(datastore, read_only=True)) as connection:
        return connection.execute(sql).fetchall()


def logins(datastore: Path) -> set[Login]:
    rows = query(datastore, "select platform, logged_in_at, ordinal from logins")
    assert {platform for platform, *_ in rows} == {"opencodelists"}
    found = {(moment, ordinal) for _, moment, ordinal in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(scope="session")
def visible(nights: list[Night]) -> set[Login]:
    found = visible_logins(TRUTH, nights)
    assert len(found) > 200
    return found


def test_the_logins_are_those_that_the_copies_can_show(
    datastore: Path, visible: set[Login]
) -> None:
    assert logins(datastore) == visible


def test_any_order_grouping_and_kind_of_copies_gives_the_same_logins(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path, visible: set[Login]
) -> None:
    """Repeated copies change nothing, and a damaged copy doesn't stop the others."""
    store, damaged = tmp_path / "ethelred.duckdb", DAMAGED / "truncated-half.sqlite3.zst"
    mixed = [night.raw if number % 3 else night.sanitised for number, night in enumerate(nights)]
    random.Random(3).shuffle(mixed)  # noqa: S311
    ethelred("build", *mixed[:4], "--datastore", store, "--init")
    before = store.read_bytes()
    done = ethelred("build", *mixed[:3], "--datastore", store)
    assert "nothing new to append" in done.stdout
    assert store.read_bytes() == before
    done = ethelred("build", damaged, "--datastore", store, code=4)
    assert damaged.name in done.stderr
    assert "Traceback" not in done.stderr
    assert store.read_bytes() == before
    done = ethelred("build", mixed[5], damaged, "--datastore", store, code=4)
    assert damaged.name in done.stderr
    assert query(store, "select count(*) from copies") == [(5,)]
    assert names(tmp_path) == SETTLED
    sanitised = [night.sanitised for night in nights[::2]]
    ethelred("build", *mixed[2:], *sanitised, "--datastore", store)
    assert logins(store) == visible
    counted: dict[date, int] = dict(query(store, "select day, logins from logins_per_day"))
    assert counted == Counter(london_day(moment) for moment, _ in visible)


def test_a_datastore_of_the_first_format_to_be_kept_goes_on(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path, visible: set[Login]
) -> None:
    """It has the first five nights. Every later version must open it."""
    store = tmp_path / "ethelred.duckdb"
    store.write_bytes(zstd.decompress(FORMAT_2.read_bytes()))
    ethelred("status", "--datastore", store)
    ethelred("build", *(night.raw for night in nights[4:]), "--datastore", store)
    assert logins(store) == visible


def test_each_copy_and_its_active_users_are_as_the_truth_says(
    datastore: Path, nights: list[Night]
) -> None:
    rows = query(
        datastore,
        """
        select
            taken_at, users, users_ever_logged_in, earliest_login_at, latest_login_at,
            active_1d, active_7d, active_28d, active_90d, rejected_logins
        from copies inner join active_users using (platform, copy_id, taken_at, users)
        order by taken_at
        """,
    )
    columns = ["users", "users_ever_logged_in", *(f"active_{n}d" for n in (1, 7, 28, 90))]
    expected = [
        (
            datetime.fromisoformat(night.truth["snapshot_utc"]),
            *(int(night.truth[column]) for column in columns[:2]),
            datetime.fromisoformat(night.truth["min_last_login"]),
            datetime.fromisoformat(night.truth["max_last_login"]),
            *(int(night.truth[column]) for column in columns[2:]),
            0,
        )
        for night in nights
    ]
    assert rows == expected


def test_the_timeseries_has_every_finished_day_with_its_coverage(
    datastore: Path, visible: set[Login]
) -> None:
    rows = query(
        datastore,
        "select day, logins, coverage, rolling_mean_7d from logins_timeseries order by day",
    )
    counted = Counter(london_day(moment) for moment, _ in visible)
    first, last = min(counted), date(2026, 3, 29)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    assert [row[:2] for row in rows] == [(day, counted[day]) for day in days]
    coverage = {row[0]: row[2] for row in rows}
    assert coverage[date(2026, 3, 20)] == "before_collection"
    assert coverage[date(2026, 3, 21)] == "partial"
    assert all(coverage[day] == "complete" for day in days if day > date(2026, 3, 21))
    last_week = [row[1] for row in rows[-7:]]
    assert rows[-1][3] == pytest.approx(sum(last_week) / 7)


def test_odd_values_are_counted_listed_without_personal_data_and_the_rest_goes_on(
    ethelred: Ethelred, tmp_path: Path
) -> None:
    store = tmp_path / "ethelred.duckdb"
    copy = DAMAGED / "odd-last-login.sqlite3.zst"
    done = ethelred(
        *("build", copy, "--datastore", store, "--init"), *("--taken-at", "2026-03-27T02:00Z")
    )
    assert "13 values could not be taken for a login" in done.stderr
    rejected = Counter(query(store, "select reason, value_shape from rejected_logins"))
    assert rejected == Counter(
        [
            ("not_a_timestamp", "text aaa a aaaa"),
            ("not_a_timestamp", "text "),
            ("not_text", "integer 9999999999"),
            ("before_2000", "text 9999-99-99 99:99:99"),
            ("after_copy", "text 9999-99-99 99:99:99.999999"),
            ("after_copy", "text 9999-99-99 99:99:99.999999"),
            ("not_text", "real 9999999999.99"),
            ("not_text", "blob 9999-99-99 99:99:99.999999"),
            ("not_a_timestamp", "text 9999-99-99 99:99:99"),
            ("not_a_timestamp", "text 9999-99-99"),
            ("not_a_timestamp", "text 9999-99-99 99:99:99"),
            ("not_a_timestamp", "text 9999-99-99 99:99:99"),
            ("not_a_timestamp", "text 99?99?9999 99:99"),
        ]
    )
    assert query(store, "select users_ever_logged_in, rejected_logins from copies") == [(142, 13)]


def test_status_agrees_with_the_datastore(
    ethelred: Ethelred, datastore: Path, visible: set[Login]
) -> None:
    status = json.loads(ethelred("status", "--json", "--datastore", datastore).stdout)
    (platform,) = status["platforms"]
    assert platform["platform"] == "opencodelists"
    assert platform["copies"] == 10
    assert platform["logins"] == len(visible)
    assert platform["gaps"] == []
    assert platform["newest_copy_taken_at"] == "2026-03-30T02:00:00Z"  # to the hour: D7
