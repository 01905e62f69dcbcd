"""The status, the copies and the versions of a datastore, printed for an operator."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.filesize import decimal
from rich.table import Column, Table

from ethelred_runner import console
from ethelred_runner.datastore import Row, Version
from ethelred_runner.errors import DatastoreError
from ethelred_runner.obtain.platforms import read_platforms
from ethelred_runner.watch.wording import format_hour, pluralise

SHORT_IDENTIFIER = 12  # characters: enough to tell all copies apart
WIDTH = 160  # of a table in a file or a pipe


def refuse_stale(platforms: Sequence[Row], fail_after_hours: float | None) -> None:
    """Raise DatastoreError if a platform's newest copy is too old, or if there is no copy."""
    if fail_after_hours is None:
        return
    retired = {name for name, platform in read_platforms().items() if platform.is_retired}
    stale = [
        f"{platform['platform']} ({platform['newest_copy_age_hours']:,} hours ago)"
        for platform in platforms
        if platform["newest_copy_age_hours"] > fail_after_hours
        and platform["platform"] not in retired
    ]
    if stale or not platforms:
        raise DatastoreError(
            f"no copy was taken within the last {fail_after_hours:g} hours of: "
            f"{', '.join(stale) or 'any platform'}; look at the log of the last run"
        )


def show_status(label: str, size: int, platforms: Sequence[Row]) -> None:
    """Print the status as a table, followed by details; the size is in bytes."""
    headings = ("platform", "copies", "newest copy", "age", "logins", "rejected")
    table = Table(*headings, title=f"{label} ({decimal(size)})")
    for platform in platforms:
        numbers = (f"{platform[name]:,}" for name in ("copies", "logins", "rejected_logins"))
        copies, logins, rejected = numbers
        taken_at = format_hour(platform["newest_copy_taken_at"])
        age = f"{platform['newest_copy_age_hours']:,.0f} h"
        table.add_row(platform["platform"], copies, taken_at, age, logins, rejected)
    show(table)
    for platform in platforms:
        show_platform(platform)


def show(table: Table) -> None:
    """Print a table. Raises OSError if it can't be written."""
    width = None if sys.stdout.isatty() else WIDTH
    Console(width=width, soft_wrap=True, highlight=False, markup=False).print(table)


def show_platform(platform: Row) -> None:
    """Print a platform's days and gaps."""
    name = platform["platform"]
    if platform["logins"]:
        first, newest = platform["first_login_at"], platform["newest_login_at"]
        console.say(f"{name}: first login on {first:%Y-%m-%d}, newest on {newest:%Y-%m-%d}")
    days = "no finished day yet"
    if platform["last_finished_day"]:
        complete = pluralise(platform["complete_days"], "complete day")
        partial, last = platform["partial_days"], platform["last_finished_day"]
        days = f"{complete} and {partial:,} partial up to {last}"
    console.say(f"{name}: {days}")
    for trouble in platform["trouble"]:
        console.say(f"{name}: trouble: {trouble}")
    for gap in platform["gaps"]:
        missing = ""
        if "first_missed_on" in gap:  # an older version's gaps have no such dates
            missing = f", no copy of {gap['first_missed_on']} to {gap['last_missed_on']}"
        console.say(
            f"{name}: gap of {gap['gap_hours']:,.0f} hours, "
            f"{format_hour(gap['gap_started_at'])} to {format_hour(gap['gap_ended_at'])}{missing}"
        )


def show_copies(copies: Sequence[Row]) -> None:
    """Print the copies as a table."""
    headings = ("platform", "taken", "by its", "users", "new logins", "rejected")
    table = Table(Column("copy", no_wrap=True, min_width=SHORT_IDENTIFIER), *headings)
    for copy in copies:
        numbers = [f"{copy[name]:,}" for name in ("users", "new_logins", "rejected_logins")]
        taken_at = format_hour(copy["taken_at"])
        identifier = copy["copy_id"][:SHORT_IDENTIFIER]
        about = (identifier, copy["platform"], taken_at, copy["taken_at_source"])
        table.add_row(*about, *numbers)
    show(table)


def show_versions(versions: Sequence[Version]) -> None:
    """Print the versions that can be restored as a table."""
    table = Table("version", "made", "by", "size")
    for version in versions:
        size = decimal(version.size_bytes)
        table.add_row(str(version.version), version.created_at, version.action, size)
    show(table)
