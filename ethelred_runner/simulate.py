"""Nightly copies of platforms that never were: the demo's, seeded, so always the same.

Every night's copy is a real SQLite database with OpenCodelists' table of users.
"""

import os
import random
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
from backports import zstd

from ethelred_runner.datastore import connect

USERS = """
    create table opencodelists_user (
        password varchar(128) not null, last_login datetime null,
        username varchar(50) not null primary key, name varchar(255) not null,
        email varchar(255) not null unique, is_active bool not null, is_admin bool not null
    )
"""
INSERT = "insert into opencodelists_user values ('!', ?, ?, 'A simulated user', ?, 1, 0)"
UPDATE = "update opencodelists_user set last_login = ? where username = ?"
DELETE = "delete from opencodelists_user where username = ?"

FIRST_NIGHT = date(2025, 10, 1)
GAP = (date(2026, 9, 8), date(2026, 9, 11))  # nights on which no copy was taken
CHRISTMAS = (date(2025, 12, 23), date(2026, 1, 3))
WEEKEND, HOLIDAY = 0.13, 0.12  # of a working day's logins
NEVER_AGAIN = 0.08  # of the users of long ago
HOURS = [1, 0, 0, 0, 0, 1, 4, 12, 40, 90, 100, 95, 70, 80, 98, 95, 85, 50, 22, 14, 12, 10, 7, 3]


@dataclass(frozen=True)
class Simulation:
    """How a platform is used. `unusual` has days with a multiple of their usual logins."""

    platform: str
    users: int
    logins: float  # on a working day
    compressed: bool
    unusual: dict[date, float] = field(default_factory=dict)


SIMULATIONS = [
    Simulation("opencodelists", users=700, logins=46, compressed=True),
    Simulation(
        "demo_workbench",
        users=260,
        logins=24,
        compressed=False,
        unusual={date(2026, 6, 10): 0.04} | {date(2026, 3, 10 + day): 2.3 for day in range(3)},
    ),
]


def nights(until: datetime) -> list[date]:
    """Return the nights on which copies were taken, up to a moment."""
    last = (until - timedelta(hours=5)).date()
    every = (FIRST_NIGHT + timedelta(days=n) for n in range((last - FIRST_NIGHT).days + 1))
    return [night for night in every if not GAP[0] <= night <= GAP[1]]


def taken_at(night: date) -> datetime:
    """Return when the copy of a night was taken."""
    return datetime(night.year, night.month, night.day, 5, 0, 20, tzinfo=UTC)


def is_simulated(datastore: Path) -> bool:
    """Tell whether a datastore holds nothing but simulated copies, and so is the demo's own."""
    with closing(connect(datastore)) as connection:
        try:
            copies = connection.execute("select platform, taken_at from copies").fetchall()
        except duckdb.CatalogException:
            return False
    return {platform for platform, _ in copies} == {one.platform for one in SIMULATIONS} and all(
        moment.replace(tzinfo=UTC) == taken_at(moment.date()) for _, moment in copies
    )


def write_copies(simulation: Simulation, wanted: Collection[date], folder: Path) -> Iterator[Path]:
    """Write the copies of the wanted nights, with the modification times of nightly backups."""
    chance = random.Random(simulation.platform)  # noqa: S311
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as platform:
        register_first_users(platform, simulation, chance)
        rates = {name: chance.gammavariate(0.5, 1) for name in names(platform)}
        for night in every_night(max(wanted, default=FIRST_NIGHT)):
            live_through(platform, simulation, night - timedelta(days=1), rates, chance)
            if night in wanted:
                yield write_copy(platform.serialize(), simulation, night, folder)


def every_night(last: date) -> Iterator[date]:
    """Yield the nights from the first one on."""
    for number in range((last - FIRST_NIGHT).days + 1):
        yield FIRST_NIGHT + timedelta(days=number)


def register_first_users(
    platform: sqlite3.Connection, simulation: Simulation, chance: random.Random
) -> None:
    """Fill the platform with the users that it had before the first night."""
    platform.execute(USERS)
    for number in range(simulation.users):
        days_ago = min(int(chance.expovariate(1 / 50)) + 2, 200)
        seen = moment(FIRST_NIGHT - timedelta(days=days_ago), chance)
        register(platform, number, None if chance.random() < NEVER_AGAIN else seen)


def register(platform: sqlite3.Connection, number: int, login: str | None) -> str:
    """Add a user, whose registration is a login."""
    name = f"simulated-{number}"
    platform.execute(INSERT, (login, name, f"{name}@example.org"))
    return name


def names(platform: sqlite3.Connection) -> list[str]:
    """Return the usernames, in the order of registration."""
    rows = platform.execute("select username from opencodelists_user order by rowid")
    return [str(row[0]) for row in rows]


def live_through(
    platform: sqlite3.Connection,
    simulation: Simulation,
    day: date,
    rates: dict[str, float],
    chance: random.Random,
) -> None:
    """Let a day pass: logins, registrations and, now and then, the end of an account."""
    busy = share(simulation, day)
    expected = simulation.logins * busy * trend(day) / sum(rates.values())
    for name, rate in rates.items():
        if chance.random() < rate * expected:
            platform.execute(UPDATE, (moment(day, chance), name))
    if chance.random() < 0.6 * busy:
        number = simulation.users + (day - FIRST_NIGHT).days + 2
        rates[register(platform, number, moment(day, chance))] = chance.gammavariate(0.5, 1)
    if chance.random() < 0.08:
        gone = chance.choice(list(rates))
        platform.execute(DELETE, (gone,))
        del rates[gone]


def share(simulation: Simulation, day: date) -> float:
    """Return how busy a day is, as a share of a working day."""
    if CHRISTMAS[0] <= day <= CHRISTMAS[1]:
        return HOLIDAY
    return simulation.unusual.get(day, WEEKEND if day.weekday() >= 5 else 1.0)


def trend(day: date) -> float:
    """Return the growth since the first night: a third a year."""
    return 1 + (day - FIRST_NIGHT).days / 365 / 3


def moment(day: date, chance: random.Random) -> str:
    """Return a time of day, mostly in office hours, as Django writes it."""
    hour = chance.choices(range(24), HOURS)[0]
    seconds = timedelta(hours=hour, seconds=chance.randrange(3600), microseconds=1)
    fraction = timedelta(microseconds=chance.randrange(999_998))
    return str(datetime(day.year, day.month, day.day) + seconds + fraction)


def write_copy(content: bytes, simulation: Simulation, night: date, folder: Path) -> Path:
    """Write a copy as the nightly job does: named for its day, modified when it was taken."""
    name = f"{simulation.platform}-{night}-db.sqlite3"
    path = folder / (f"{name}.zst" if simulation.compressed else name)
    path.write_bytes(zstd.compress(content, level=1) if simulation.compressed else content)
    modified_at = taken_at(night).timestamp()
    os.utime(path, (modified_at, modified_at))
    return path
