"""Simulated users, their nightly copies, and the expected figures, without SQL.

The same seed always draws the same history.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
# Nights around both clock changes, and one month without.
BEGINNINGS = [datetime(2026, 3, 26), datetime(2026, 10, 22), datetime(2026, 6, 29)]
# So few that users often share one. Some are at the edges of London's days.
MOMENTS = [
    *(timedelta(), timedelta(microseconds=-1), timedelta(hours=1), timedelta(hours=23)),
    *(timedelta(hours=23, microseconds=-1), timedelta(hours=9, seconds=7, microseconds=120_000)),
    *(timedelta(hours=9, seconds=7), timedelta(hours=3), timedelta(hours=3, minutes=30)),
]
BAD = [
    *(("never", "text"), ("17", "integer"), ("1.5", "real"), (None, "blob"), ("", "text")),
    *(("1999-12-31 23:59:59", "text"), ("2099-01-01 00:00:00", "text")),
    ("2026-02-30 00:00:00", "text"),
]

LATE = [
    timedelta(),
    timedelta(),
    timedelta(seconds=1.5),
    timedelta(hours=8),
]  # after the usual hour
DELAYS = [timedelta(), timedelta(), timedelta(hours=7), timedelta(days=1)]
MAX_RUNS = 5

AHEAD = len(BAD)  # a login just later than the clocks of two machines may differ


@dataclass(frozen=True)
class Shown:
    """A copy, as the values of its users with their storage classes."""

    taken_at: datetime
    content: str
    values: tuple[tuple[str | None, str], ...]


@dataclass(frozen=True)
class Event:
    """A user's login, committed a little later than its time, or the user's deletion."""

    at: datetime
    delay: timedelta
    user: int
    is_end: bool


@dataclass(frozen=True)
class History:
    """The events on a platform, and the times of its copies."""

    events: tuple[Event, ...]
    taken_at: tuple[datetime, ...]
    bad: tuple[int, ...]  # users whose value is no timestamp, by the number of the bad value
    style: int

    def copy(self, number: int, *, sanitised: bool = False) -> Shown:
        """Return a copy. A sanitised one has its rows in another order, and other content."""
        values = list(self._values(self.taken_at[number]))
        if sanitised:
            random.Random(number).shuffle(values)  # noqa: S311
        content = f"{'sanitised' if sanitised else 'raw'} {self.taken_at[number]} {values}"
        return Shown(self.taken_at[number], content, tuple(values))

    def _values(self, taken_at: datetime) -> Iterator[tuple[str | None, str]]:
        for user, login in sorted(self.logged_in(taken_at).items()):
            yield (None, "null") if login is None else (written(login, self.style + user), "text")
        ahead = (str(taken_at + timedelta(minutes=5, microseconds=1)), "text")
        yield from (ahead if number == AHEAD else BAD[number] for number in self.bad)

    def logged_in(self, taken_at: datetime) -> dict[int, datetime | None]:
        """Return the users that a copy shows, with their latest login."""
        users: dict[int, datetime | None] = {900: None}
        for event in sorted(self.events, key=lambda event: (event.at + event.delay, event.user)):
            if event.at + event.delay > taken_at:
                break
            if event.is_end:
                users.pop(event.user, None)
            else:
                users[event.user] = event.at
        return users

    def seen(self, number: int) -> list[datetime]:
        """Return the logins that a copy shows."""
        return [login for login in self.logged_in(self.taken_at[number]).values() if login]

    def logins(self) -> set[tuple[datetime, int]]:
        """Return the union of what all copies show."""
        return {
            (moment, ordinal)
            for number in range(len(self.taken_at))
            for moment, count in Counter(self.seen(number)).items()
            for ordinal in range(1, count + 1)
        }

    def happened(self) -> Counter[datetime]:
        """Return how many users logged in at each moment."""
        return Counter(event.at for event in self.events if not event.is_end)

    def days(self) -> dict[date, int]:
        """Return the logins of each day in London."""
        return Counter(london(moment) for moment, _ in self.logins())

    def timeseries(self) -> list[tuple[date, int, str]]:
        """Return each finished day with its logins and its coverage."""
        days = self.days()
        if not days:
            return []
        found, day = [], min(days)
        while end_of(day) <= max(self.taken_at):
            found.append((day, days.get(day, 0), self.coverage(day)))
            day += timedelta(days=1)
        return found

    def coverage(self, day: date) -> str:
        """Return the coverage of a day."""
        starts_at, ends_at = end_of(day - timedelta(days=1)), end_of(day)
        taken_at = sorted(set(self.taken_at))
        if ends_at <= taken_at[0]:
            return "before_collection"
        gaps = [(a, b) for a, b in pairwise(taken_at) if b - a > timedelta(hours=36)]
        is_in_a_gap = any(a < ends_at and b > starts_at for a, b in gaps)
        return "partial" if starts_at < taken_at[0] or is_in_a_gap else "complete"

    def active_users(self) -> set[tuple[object, ...]]:
        """Return the time of each copy, its users, and how many were active."""
        return {self._active(number) for number in range(len(self.taken_at))}

    def _active(self, number: int) -> tuple[object, ...]:
        taken_at, seen = self.taken_at[number], self.seen(number)
        users = len(self.logged_in(taken_at)) + len(self.bad)
        never = len(self.logged_in(taken_at)) - len(seen)
        active = [
            sum(taken_at - login <= timedelta(hours=24 * days) for login in seen)
            for days in (1, 7, 28, 90)
        ]
        return (taken_at, users, never, *active)


def written(login: datetime, style: int) -> str:
    """Write a login as some Django or database might."""
    text = str(login)  # 26 characters, or 19 on an exact second
    if style % 5 == 1:
        return text + "Z"
    if style % 5 == 2:
        return text.replace(" ", "T") + "+00:00"
    if style % 5 == 3:
        return f"{login + timedelta(hours=1)}+01:00"
    return text


def london(moment: datetime) -> date:
    return moment.replace(tzinfo=UTC).astimezone(LONDON).date()


def end_of(day: date) -> datetime:
    """Return when a day in London ends (UTC)."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=LONDON) + timedelta(days=1)
    return midnight.astimezone(UTC).replace(tzinfo=None)


def draw_history(rng: random.Random) -> History:
    """Draw some days of logins, with 1 to 8 copies of them."""
    beginning = rng.choice(BEGINNINGS)
    # Few moments, so that some logins meet.
    moments = [
        beginning + timedelta(days=rng.randint(0, 9)) + rng.choice(MOMENTS)
        for _ in range(rng.randint(1, 5))
    ]
    nights = {
        beginning + timedelta(days=rng.randint(0, 9), hours=3) + rng.choice(LATE)
        for _ in range(rng.randint(1, 8))
    }
    return History(
        tuple(draw_event(rng, moments) for _ in range(rng.choice([0, 3, 9, 18, 40]))),
        tuple(rng.sample(sorted(nights), len(nights))),
        tuple(rng.randint(0, AHEAD) for _ in range(rng.randint(0, 3))),
        rng.randint(0, 4),
    )


def draw_event(rng: random.Random, moments: list[datetime]) -> Event:
    return Event(rng.choice(moments), rng.choice(DELAYS), rng.randint(0, 7), rng.random() < 1 / 6)


def draw_arrangement(rng: random.Random, copies: int) -> list[list[tuple[int, bool]]]:
    """Draw runs that have every copy at least once, in any order, grouping, repetition and kind.

    A run is a list of copies' numbers, each sanitised or not.
    """
    order = rng.sample(range(copies), copies)
    order += [rng.randrange(copies) for _ in range(rng.randint(0, 4))]
    runs: list[list[tuple[int, bool]]] = [[]]
    for number in order:
        if runs[-1] and len(runs) < MAX_RUNS and rng.random() < 0.4:
            runs.append([])
        runs[-1].append((number, rng.random() < 0.5))
    return runs
