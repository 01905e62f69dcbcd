"""Bad copies are doubted, and sound ones aren't. Each kind has its own platform, in two builds."""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from backports import zstd

from tests.support.datastores import query
from tests.support.dbt_runs import build_each
from tests.support.program import Ethelred
from tests.support.simulated import Shown
from tests.support.truth import Night

Values = list[tuple[str | None, str]]
RNG = random.Random(1)  # noqa: S311


def unpacked(night: Night, path: Path) -> Path:
    path.write_bytes(zstd.decompress(night.raw.read_bytes()))
    return path


def shown(night: Night, folder: Path) -> Shown:
    """Return the values of a night's copy."""
    path = unpacked(night, folder / "copy.sqlite3")
    with closing(sqlite3.connect(path)) as connection:
        query = "select last_login, typeof(last_login) from opencodelists_user order by username"
        values = tuple(connection.execute(query).fetchall())
    return Shown(night.taken_at.replace(tzinfo=None), str(night.raw), values)


def moved(value: tuple[str | None, str], by: timedelta) -> tuple[str | None, str]:
    return (str(datetime.fromisoformat(value[0]) + by), "text") if value[0] else value


def among(hours: int, number: int) -> Values:
    """Return logins of the hours before the last night's copy."""
    newest = datetime(2026, 3, 30, 2)
    return [
        (str(newest - timedelta(seconds=RNG.uniform(60, hours * 3600))), "text")
        for _ in range(number)
    ]


KINDS: dict[str, Callable[[Values], Values]] = {
    "other_environment": lambda values: values + among(2 * 365 * 24, 500),
    "clock_an_hour_ahead": lambda values: [moved(one, timedelta(hours=1)) for one in values],
    "clock_an_hour_behind": lambda values: [moved(one, timedelta(hours=-1)) for one in values],
    "epochs": lambda values: [("1774000000", "integer") if one else one for one in values],
    "no_users": lambda values: [],
    "no_logins": lambda values: [(None, "null") for _ in values],
    "half_the_users": lambda values: values[::2],
    "cut_to_milliseconds": lambda values: [(one and one[:23], kind) for one, kind in values],
    "restamped": lambda values: [("2026-03-30 01:00:00.123456", "text") for _ in values],
    "repeated": lambda values: values,
    "days_old": lambda values: values + among(9, 3),
    "sound": lambda values: values,
    "a_course": lambda values: values + among(24, 300),
    "spam_deleted": lambda values: values[: len(values) * 9 // 10],
    "a_few_mended": lambda values: (
        [moved(one, timedelta(days=-1)) for one in values[:9]] + values[9:]
    ),
}
EXPECTED = {
    "other_environment": ({"older_logins", "many_new_logins"}, True),
    "clock_an_hour_ahead": ({"older_logins"}, True),
    "clock_an_hour_behind": ({"older_logins"}, True),
    "epochs": ({"rejected_values", "fewer_recent_users"}, True),
    "no_users": ({"fewer_users", "fewer_users_ever_logged_in", "fewer_recent_users"}, True),
    "no_logins": ({"fewer_users_ever_logged_in", "fewer_recent_users"}, True),
    "half_the_users": ({"fewer_users", "fewer_users_ever_logged_in", "fewer_recent_users"}, True),
    "cut_to_milliseconds": ({"older_logins", "cut_logins"}, True),
    "restamped": ({"logins_at_once"}, True),
    "repeated": ({"repeated_content"}, False),
    "days_old": ({"fewer_recent_users"}, True),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, nights: list[Night]) -> Path:
    """Build nine nights of each platform at once, then the tenth as each kind of copy."""
    folder = tmp_path_factory.mktemp("doubts")
    copies = [shown(night, folder) for night in nights]
    last = copies[9]
    runs: list[list[tuple[str, Shown]]] = [[], []]
    for kind, spoil in KINDS.items():
        runs[0] += [(kind, copy) for copy in copies[:9]]
        spoilt = Shown(last.taken_at, last.content + kind, tuple(spoil(list(last.values))))
        if kind == "repeated":
            spoilt = Shown(last.taken_at, copies[8].content, copies[8].values)
        if kind == "days_old":
            spoilt = Shown(last.taken_at, kind, tuple(spoil(list(copies[3].values))))
        runs[1].append((kind, spoilt))
    build_each(folder, runs)
    return folder


@pytest.mark.slow
def test_each_kind_of_bad_copy_is_doubted_and_no_sound_one(built: Path) -> None:
    assert query(built / "after-0.duckdb", "from doubted_copies") == []
    found: dict[object, tuple[set[object], object]] = {
        platform: (set(kinds), is_grave)  # type: ignore[call-overload]
        for platform, kinds, is_grave in query(
            built / "copies.duckdb",
            "select platform, list(doubt), bool_or(is_grave) from int_copy_doubts"
            " where finding is not null group by all",
        )
    }
    assert found == EXPECTED


@pytest.mark.slow
def test_a_refused_copy_leaves_no_trace(built: Path) -> None:
    refused = [kind for kind, (_, is_grave) in EXPECTED.items() if is_grave]
    for table in ("logins", "copies", "active_users", "rejected_logins", "logins_per_day"):
        chosen = f"select * from {table} where platform in {tuple(refused)}"
        if table == "logins_per_day":
            chosen = f"select platform, day, logins from ({chosen})"
        assert query(built / "after-1.duckdb", chosen) == query(built / "after-0.duckdb", chosen)
    copies = "select platform from copies where taken_at::date = date '2026-03-30'"
    appended = {platform for (platform,) in query(built / "after-1.duckdb", copies)}
    assert appended == KINDS.keys() - set(refused)


@pytest.mark.slow
def test_days_that_rest_on_a_repeated_copy_are_not_complete(built: Path) -> None:
    newest = "select max(day) from logins_timeseries where platform = '{}'"
    for path in ("after-0.duckdb", "after-1.duckdb"):
        assert str(query(built / path, newest.format("repeated"))[0][0]) == "2026-03-28"
    assert str(query(built / "after-1.duckdb", newest.format("sound"))[0][0]) == "2026-03-29"


@pytest.mark.slow
def test_nights_without_a_login_are_counted_on_a_platform_of_csv(
    ethelred: Ethelred, tmp_path: Path
) -> None:
    copies = [tmp_path / str(number) / "logins.csv" for number in range(4)]
    for number, copy in enumerate(copies):
        copy.parent.mkdir()
        copy.write_text("last_login\n2026-03-20 10:00:00\n")
        moment = datetime(2026, 3, 21 + number, 5, tzinfo=UTC).timestamp()
        os.utime(copy, (moment, moment))
    store = tmp_path / "ethelred.duckdb"
    done = ethelred("build", *copies, "--init", "--datastore", store)
    assert "doubt" not in done.stderr
    days = "select day::text, logins, coverage from logins_timeseries where day > date '2026-03-21'"
    assert query(store, days) == [("2026-03-22", 0, "complete"), ("2026-03-23", 0, "complete")]


@pytest.mark.slow
def test_a_refused_copy_is_told_and_can_be_accepted(
    nights: list[Night], ethelred: Ethelred, tmp_path: Path, datastore: Path
) -> None:
    store = shutil.copyfile(datastore, tmp_path / "ethelred.duckdb")
    bad = unpacked(nights[9], tmp_path / "db.sqlite3")
    with closing(sqlite3.connect(bad)) as connection:
        connection.execute("update opencodelists_user set last_login = null")
        connection.commit()
    moment = nights[9].taken_at.timestamp() + 86400
    os.utime(bad, (moment, moment))
    was = query(store, "from copies")
    done = ethelred("build", bad, "--datastore", store, code=4)
    assert "taken 2026-03-31 02:00 UTC is doubtful: 0 users with a login, and" in done.stderr
    assert "--accept-doubts" in done.stderr
    assert query(store, "from copies") == was
    done = ethelred("build", bad, "--datastore", store, "--accept-doubts")
    assert "is doubtful" in done.stderr
    assert len(query(store, "from copies")) == len(was) + 1
    assert query(store, "select doubt, is_grave from doubted_copies") == [
        ("fewer_recent_users", True),
        ("fewer_users_ever_logged_in", True),
    ]
    assert "its newest copy is doubtful" in ethelred("status", "--datastore", store).stdout


@pytest.mark.slow
def test_two_bad_copies_of_one_run_are_both_refused_and_a_sound_one_after_them_is_not(
    nights: list[Night], ethelred: Ethelred, tmp_path: Path, datastore: Path
) -> None:
    store = shutil.copyfile(datastore, tmp_path / "ethelred.duckdb")
    newest = nights[9].taken_at
    ahead = "last_login = strftime('%Y-%m-%d %H:%M:%f000', last_login, '+1 hour')"
    sound = f"last_login = '{newest:%Y-%m-%d} 12:00:00.5' where rowid = 1"
    copies = []
    for days, change in enumerate((ahead, ahead, sound), 1):
        copies.append(unpacked(nights[9], tmp_path / f"{days}.sqlite3"))
        with closing(sqlite3.connect(copies[-1])) as connection:
            connection.execute(f"update opencodelists_user set {change}")
            connection.commit()
        moment = newest.timestamp() + days * 86400
        os.utime(copies[-1], (moment, moment))
    known, logins = query(store, "select copy_id from copies"), query(store, "from logins")
    done = ethelred("build", *copies, "--datastore", store, code=4)
    assert done.stderr.count("new logins are older than the copy before; it was left out") == 2
    assert len(query(store, "from copies")) == len(known) + 1
    assert len(query(store, "from logins")) == len(logins) + 1
