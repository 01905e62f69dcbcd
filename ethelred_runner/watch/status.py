"""What a datastore holds, for an operator at a glance and for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.filesize import decimal
from rich.table import Table

from ethelred_runner import console
from ethelred_runner.datastore.status import PlatformStatus, Status
from ethelred_runner.datastore.versions import Version
from ethelred_runner.errors import DatastoreError
from ethelred_runner.watch.wording import counted, written


def status_json(label: str, status: Status, versions: Sequence[Version]) -> dict[str, Any]:
    """Return what a datastore, called `label` for people, holds; timestamps are in UTC."""
    platforms = [platform_json(platform) for platform in status.platforms]
    kept = [asdict(version) for version in versions]
    sizes = {"datastore": label, "size_bytes": status.size_bytes}
    return sizes | {"platforms": platforms, "versions": kept}


def platform_json(platform: PlatformStatus) -> dict[str, Any]:
    """Return what a datastore holds of a platform."""
    newest = platform.copies[-1]
    return asdict(platform) | {
        "copies": len(platform.copies),
        "newest_copy_taken_at": newest.taken_at,
        "users": newest.users,
        "rejected_logins": newest.rejected_logins,
        "newest_copy_age_hours": platform.newest_copy_age_hours,
        "gaps": [asdict(gap) | {"nights": gap.nights} for gap in platform.gaps],
    }


def refuse_stale(status: Status, fail_after_hours: float | None) -> None:
    """Raise DatastoreError if a platform's newest copy is older than that, or there is none."""
    if fail_after_hours is None:
        return
    stale = [
        f"{platform.platform} ({platform.newest_copy_age_hours:,} hours ago)"
        for platform in status.platforms
        if platform.newest_copy_age_hours > fail_after_hours
    ]
    if stale or not status.platforms:
        raise DatastoreError(
            f"no copy was taken within {fail_after_hours:g} hours of: "
            f"{', '.join(stale) or 'anything'}"
            "; look at the log of the last run"
        )


def show_status(label: str, status: Status, versions: Sequence[Version]) -> None:
    """Print the status as a table, and below it what needs more room."""
    headings = ("platform", "copies", "newest copy", "age", "logins", "rejected")
    table = Table(*headings, title=f"{label} ({decimal(status.size_bytes)})")
    for platform in status.platforms:
        last = platform.copies[-1]
        taken_at, age = written(last.taken_at), f"{platform.newest_copy_age_hours:,.0f} h"
        numbers = len(platform.copies), platform.logins, last.rejected_logins
        copies, logins, rejected = (f"{number:,}" for number in numbers)
        table.add_row(platform.platform, copies, taken_at, age, logins, rejected)
    console.results.print(table)
    for platform in status.platforms:
        show_platform(platform)
    if versions:
        oldest, newest = versions[-1].version, versions[0].version
        console.say(f"versions {oldest} to {newest} can be restored")


def show_platform(platform: PlatformStatus) -> None:
    """Print a platform's days, gaps and last copies."""
    name = platform.platform
    if platform.first_login_at and platform.newest_login_at:
        first, newest = platform.first_login_at.date(), platform.newest_login_at.date()
        console.say(f"{name}: first login on {first}, newest on {newest}")
    console.say(f"{name}: {describe_days(platform)}")
    for gap in platform.gaps:
        nights = gap.nights
        missing = f", no copy of {nights[0]} to {nights[-1]}" if nights else ""
        console.say(
            f"{name}: gap of {gap.gap_hours:,.0f} hours, {written(gap.gap_started_at)} to "
            f"{written(gap.gap_ended_at)}{missing}"
        )


def describe_days(platform: PlatformStatus) -> str:
    """Write how many days are known, and how well."""
    if not platform.last_finished_day:
        return "no finished day yet"
    complete = counted(platform.complete_days, "complete day")
    return f"{complete} and {platform.partial_days:,} partial up to {platform.last_finished_day}"


def show_versions(versions: Sequence[Version]) -> None:
    """Print the versions that can be restored as a table."""
    table = Table("version", "made", "by", "size")
    for version in versions:
        size = decimal(version.size_bytes)
        table.add_row(str(version.version), version.created_at, version.action, size)
    console.results.print(table)
