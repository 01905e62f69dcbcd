"""How numbers and moments are written for people."""

from datetime import datetime


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def hour_of(moment: datetime) -> datetime:
    """Return the hour in which a copy was taken, which is all that is told of it.

    Where the newest login stands in for its time, the rest of it is when somebody logged in.
    """
    return moment.replace(minute=0, second=0, microsecond=0)


def written(moment: datetime) -> str:
    """Write the hour of a moment (UTC)."""
    return f"{hour_of(moment):%Y-%m-%d %H:%M} UTC"
