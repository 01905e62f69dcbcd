"""The days on which something happens on the demo's platforms.

All events recur, so the site shows them whatever the date is. A simulated day stays the same when
the demo is run again later, so that new copies can be added to the earlier ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

TAKEN_AT = time(5, 0, 20, tzinfo=UTC)  # of the nightly copy
MONTHS_OF_HISTORY = 13
# Shorter than the three months that the site shows first; whole weeks keep events' weekdays.
CYCLE_DAYS = 77
A_MONDAY = date(2024, 1, 1)  # on which a cycle began
WEEKEND, HOLIDAY = 0.13, 0.12  # share of a working day's logins


@dataclass(frozen=True)
class Event:
    """What happens in every cycle for some days from `first_day` on (0 is the cycle's Monday)."""

    platform: str
    first_day: int
    days: int
    busyness: float  # as a multiple of a usual day's
    annotation: str

    def includes(self, day: date) -> bool:
        """Tell whether the event takes place on a day."""
        return self.first_day <= day_of_cycle(day) < self.first_day + self.days


GAP = Event("all", 1, 4, 1.0, "The backup server was away for four nights")
COURSE = Event("demo_workbench", 22, 3, 2.3, "The last day of a training course")
OUTAGE = Event("demo_workbench", 44, 1, 0.04, "The login page was broken until the evening")
EVENTS = (GAP, COURSE, OUTAGE)


def day_of_cycle(day: date) -> int:
    """Return how many days after its cycle's Monday a day is."""
    return (day - A_MONDAY).days % CYCLE_DAYS


def first_night(last: date) -> date:
    """Return the first night of a demo with this last one: always on the first of a month."""
    months = last.year * 12 + last.month - 1 - MONTHS_OF_HISTORY
    return date(months // 12, months % 12 + 1, 1)


def days_between(first: date, last: date) -> Iterator[date]:
    """Yield the days from the first to the last."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def last_night(now: datetime) -> date:
    """Return the date of the newest nightly copy, as of a moment in UTC."""
    taken_today = now.timetz() >= TAKEN_AT
    return now.date() if taken_today else now.date() - timedelta(days=1)


def nights_with_copies(first: date, last: date) -> list[date]:
    """Return the nights on which a copy was taken: the first, and all nights outside gaps.

    A gap that would not be over on the last night is left out.
    """
    gap_would_go_on_from = last - timedelta(days=day_of_cycle(last) - GAP.first_day)
    return [
        night
        for night in days_between(first, last)
        if night == first
        or not GAP.includes(night)
        or (GAP.includes(last) and night >= gap_would_go_on_from)
    ]


def is_christmas(day: date) -> bool:
    """Tell whether a day is one of the quiet ones around Christmas and New Year."""
    return (day.month, day.day) >= (12, 23) or (day.month, day.day) <= (1, 3)


def busyness(platform: str, day: date) -> float:
    """Return how many log in on a day, as a share of a working day's."""
    if is_christmas(day):
        return HOLIDAY
    for event in EVENTS:
        if event.platform == platform and event.includes(day):
            return event.busyness
    return WEEKEND if day.weekday() >= 5 else 1.0


def growth(days: int) -> float:
    """Return how many log in after some days, as a multiple of the first: a third more a year."""
    return 1 + days / 365 / 3


def annotations(last_year: int) -> Iterator[tuple[str, date, date | None, str]]:
    """Yield the platform, the first and last day, and the text of each note, also on future days.

    A note is on an event's last day, so that the site shows it only once the event is over.
    """
    for day in days_between(A_MONDAY, date(last_year, 12, 31)):
        for event in EVENTS:
            is_last_day = day_of_cycle(day) == event.first_day + event.days - 1
            if is_last_day and (event is GAP or not is_christmas(day)):
                yield event.platform, day, None, event.annotation
        if (day.month, day.day) == (12, 23):
            yield "all", day, date(day.year + 1, 1, 3), "Closed for Christmas"
