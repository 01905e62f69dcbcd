"""The expected figures of the sample nights, from the ground truth and without Ethelred."""

import csv
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from backports import zstd

Login = tuple[datetime, int]
LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class Night:
    """One night's copies, with their row of `copies.csv`."""

    raw: Path
    sanitised: Path
    taken_at: datetime
    truth: dict[str, str]


def read_nights(samples: Path, folder: Path) -> list[Night]:
    """Return the sample nights in order, with their copies in `folder`."""
    with (samples / "copies.csv").open(encoding="utf-8", newline="") as lines:
        return [
            Night(
                folder / row["file"],
                folder / row["sanitised_file"],
                datetime.fromisoformat(row["snapshot_utc"]).replace(tzinfo=UTC),
                row,
            )
            for row in csv.DictReader(lines)
        ]


def usernames(copy: Path) -> list[str]:
    """Return the users of a raw copy."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "copy.sqlite3"
        with zstd.open(copy) as packed:
            plain.write_bytes(packed.read())
        with closing(sqlite3.connect(plain)) as connection:
            return [row[0] for row in connection.execute("select username from opencodelists_user")]


def logins_that_happened(samples: Path) -> dict[str, list[datetime]]:
    """Return every login that took place, by user, in order of time (naive UTC)."""
    happened: dict[str, list[datetime]] = {}
    with (samples / "logins.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            moment = datetime.fromisoformat(row["logged_in_at_utc"])
            happened.setdefault(row["username"], []).append(moment)
    return {user: sorted(moments) for user, moments in happened.items()}


def visible_logins(samples: Path, nights: list[Night]) -> set[Login]:
    """Return the logins that some night shows: the latest one before it of each of its users."""
    happened = logins_that_happened(samples)
    seen: set[Login] = set()
    for night in nights:
        taken_at = night.taken_at.replace(tzinfo=None)
        latest = Counter(
            max(before)
            for user in usernames(night.raw)
            if (before := [moment for moment in happened.get(user, []) if moment <= taken_at])
        )
        seen |= {(moment, n) for moment, count in latest.items() for n in range(1, count + 1)}
    return seen


def london_day(moment: datetime) -> date:
    """Return the day in London of a naive UTC moment, by Python's own time zone data."""
    return moment.replace(tzinfo=UTC).astimezone(LONDON).date()
