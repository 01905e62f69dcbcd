"""How numbers and moments are written for people."""

from datetime import datetime


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def to_the_minute(moment: datetime) -> str:
    """Write a moment (UTC)."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def to_the_hour(moment: datetime) -> datetime:
    """Return the hour that a moment lies in.

    Where a copy's time stands on its newest login, more would be the time of one person's login.
    """
    return moment.replace(minute=0, second=0, microsecond=0)
