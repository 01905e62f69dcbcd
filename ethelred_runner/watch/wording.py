"""Formats for numbers and times."""

from datetime import date, datetime


def pluralise(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def format_hour(moment: datetime) -> str:
    """Return a time (UTC) for people."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def format_iso(moment: date) -> str:
    """Return a date or a time (UTC) in ISO 8601, for JSON."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if isinstance(moment, datetime) else moment.isoformat()
