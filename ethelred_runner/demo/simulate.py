"""Nightly copies of simulated platforms, seeded so that a later run writes the same copies.

Every night's copy is a real SQLite database with OpenCodelists' table of users.
"""

import os
import random
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from backports import zstd

from ethelred_runner.demo.calendar import TAKEN_AT, busyness, days_between, growth

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

NEVER_AGAIN = 0.08  # share of users without a login at the start
REGISTRATIONS, DELETIONS = 0.6, 0.08  # a day
HOURS = [1, 0, 0, 0, 0, 1, 4, 12, 40, 90, 100, 95, 70, 80, 98, 95, 85, 50, 22, 14, 12, 10, 7, 3]


@dataclass(frozen=True)
class Simulation:
    """How a platform is used."""

    platform: str
    users: int
    logins: float  # on a working day at the start
    compressed: bool


SIMULATIONS = (
    Simulation("opencodelists", users=700, logins=46, compressed=True),
    Simulation("demo_workbench", users=260, logins=24, compressed=False),
)


class SimulatedPlatform:
    """A platform's database, in memory, whose days pass one after the other."""

    def __init__(self, simulation: Simulation, first: date, base: sqlite3.Connection) -> None:
        """Fill the platform with the users that it had before the first night."""
        self._simulation, self._first, self._base = simulation, first, base
        self._random = random.Random(simulation.platform)  # noqa: S311
        self._rates: dict[str, float] = {}  # how often each user logs in, relative to the others
        base.execute(USERS)
        for number in range(simulation.users):
            days_ago = min(int(self._random.expovariate(1 / 50)) + 2, 200)
            login = self._time_on(first - timedelta(days=days_ago))
            self._register(number, None if self._random.random() < NEVER_AGAIN else login)
        for name in self._rates:
            self._rates[name] = self._random.gammavariate(0.5, 1)

    def live_through(self, day: date) -> None:
        """Simulate a day: its logins, perhaps a registration, perhaps the deletion of a user."""
        days = (day - self._first).days
        busy = busyness(self._simulation.platform, day)
        share = self._simulation.logins * busy * growth(days) / sum(self._rates.values())
        for name, rate in self._rates.items():
            if self._random.random() < rate * share:
                self._base.execute(UPDATE, (self._time_on(day), name))
        if self._random.random() < REGISTRATIONS * busy:
            name = self._register(self._simulation.users + days + 2, self._time_on(day))
            self._rates[name] = self._random.gammavariate(0.5, 1)
        if self._random.random() < DELETIONS:
            gone = self._random.choice(list(self._rates))
            self._base.execute(DELETE, (gone,))
            del self._rates[gone]

    def _register(self, number: int, login: str | None) -> str:
        """Add a user, whose registration is a login."""
        name = f"simulated-{number}"
        self._base.execute(INSERT, (login, name, f"{name}@example.org"))
        self._rates[name] = 0.0
        return name

    def _time_on(self, day: date) -> str:
        """Return a time of day, mostly in office hours, as Django writes it."""
        hour = self._random.choices(range(24), HOURS)[0]
        seconds = timedelta(hours=hour, seconds=self._random.randrange(3600), microseconds=1)
        fraction = timedelta(microseconds=self._random.randrange(999_998))
        return str(datetime(day.year, day.month, day.day) + seconds + fraction)


def write_copies(
    simulation: Simulation, first: date, wanted: Collection[date], folder: Path
) -> Iterator[Path]:
    """Write the copies of the wanted nights, with the modification times of nightly backups."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as base:
        platform = SimulatedPlatform(simulation, first, base)
        for night in days_between(first, max(wanted, default=first)):
            platform.live_through(night - timedelta(days=1))
            # A platform writes more than logins, so no two nights' files are the same.
            base.execute(f"pragma user_version = {night.toordinal()}")
            if night in wanted:
                yield write_copy(base.serialize(), simulation, night, folder)


def write_copy(content: bytes, simulation: Simulation, night: date, folder: Path) -> Path:
    """Write a copy as the nightly job does: named for its day, modified when it was taken."""
    name = f"{simulation.platform}-{night}-db.sqlite3"
    path = folder / (f"{name}.zst" if simulation.compressed else name)
    path.write_bytes(zstd.compress(content, level=1) if simulation.compressed else content)
    modified_at = datetime.combine(night, TAKEN_AT).timestamp()
    os.utime(path, (modified_at, modified_at))
    return path
