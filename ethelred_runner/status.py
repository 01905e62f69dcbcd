"""What a datastore holds, for an operator at a glance."""

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from rich.filesize import decimal
from rich.table import Table

from ethelred_runner import console
from ethelred_runner.datastore import connect, explained
from ethelred_runner.errors import DatastoreError
from ethelred_runner.store import Store
from ethelred_runner.summary import at, count

SHOWN_COPIES = 7  # the last ones of each platform

PLATFORMS = """
    with copies as (
        select
            platform, count(*) as copies, min(taken_at) as first_copy_taken_at,
            max(taken_at) as newest_copy_taken_at, arg_max(users, taken_at) as users,
            arg_max(rejected_logins, taken_at) as rejected_logins,
            arg_max(new_logins, obtained_at) as new_logins_of_last_copy
        from copies group by platform
    ), logins as (
        select
            platform, count(*) as logins, min(logged_in_at) as first_login_at,
            max(logged_in_at) as newest_login_at
        from logins group by platform
    ), days as (
        select
            platform, max(day) as last_finished_day,
            count(*) filter (where coverage = 'complete') as complete_days,
            count(*) filter (where coverage = 'partial') as partial_days,
            count(*) filter (where coverage = 'before_collection') as days_before_collection
        from logins_timeseries group by platform
    )
    from copies left join logins using (platform) left join days using (platform)
    order by platform
"""
GAPS = "select platform, from_at, to_at, hours from collection_gaps order by from_at"
LAST_COPIES = """
    select platform, taken_at, obtained_at, users, new_logins, rejected_logins
    from copies
    qualify row_number() over (partition by platform order by obtained_at desc, taken_at desc) <= ?
    order by obtained_at desc, taken_at desc
"""


def status_of(store: Store) -> dict[str, Any]:
    """Return what a datastore holds, and its versions if it keeps any; timestamps are in UTC.

    Raises DatastoreError if it is missing or can't be read.
    """
    status = read_status(store.fetch(), store.label)
    if store.keeps_versions:
        status["versions"] = [asdict(version) for version in store.versions()]
    return status


def read_status(datastore: Path, label: str) -> dict[str, Any]:
    """Return what the datastore, called `label` for people, holds; timestamps are in UTC.

    Raises DatastoreError if it can't be read.
    """
    with explained(datastore), closing(connect(datastore)) as connection:
        platforms, gaps = rows(connection, PLATFORMS), rows(connection, GAPS)
        copies = rows(connection, LAST_COPIES, [SHOWN_COPIES])
    now = datetime.now(UTC).replace(tzinfo=None)
    for platform in platforms:
        age = now - platform["newest_copy_taken_at"]
        platform["newest_copy_age_hours"] = round(age.total_seconds() / 3600, 1)
        platform["gaps"] = [with_nights(gap) for gap in of(gaps, platform)]
        platform["last_copies"] = of(copies, platform)
    size = datastore.stat().st_size
    return {"datastore": label, "size_bytes": size, "platforms": platforms}


def rows(
    connection: duckdb.DuckDBPyConnection, query: str, values: list[int] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a query by the names of their columns."""
    result = connection.execute(query, values or [])
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def of(found: list[dict[str, Any]], platform: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of one platform, without its name."""
    return [
        {key: value for key, value in row.items() if key != "platform"}
        for row in found
        if row["platform"] == platform["platform"]
    ]


def with_nights(gap: dict[str, Any]) -> dict[str, Any]:
    """Add the nights (UTC) of which there is no copy."""
    return gap | {"nights": nights_between(gap["from_at"].date(), gap["to_at"].date())}


def nights_between(first: date, last: date) -> list[date]:
    """Return the days between two others."""
    return [first + timedelta(days=number) for number in range(1, (last - first).days)]


def refuse_stale(status: dict[str, Any], max_age_hours: float | None) -> None:
    """Raise DatastoreError if a platform's newest copy is older than that, or there is none."""
    if max_age_hours is None:
        return
    stale = [
        f"{platform['platform']} ({platform['newest_copy_age_hours']:,.0f} hours ago)"
        for platform in status["platforms"]
        if platform["newest_copy_age_hours"] > max_age_hours
    ]
    if stale or not status["platforms"]:
        raise DatastoreError(
            f"no copy was taken within {max_age_hours:g} hours of: {', '.join(stale) or 'anything'}"
            "; look at the log of the last run"
        )


def show_status(status: dict[str, Any]) -> None:
    """Print the status as a table, and below it what needs more room."""
    table = Table(title=f"{status['datastore']} ({decimal(status['size_bytes'])})")
    for heading in ("platform", "copies", "newest copy", "age", "logins", "rejected"):
        table.add_column(heading)
    for platform in status["platforms"]:
        table.add_row(*cells(platform))
    console.results.print(table)
    for platform in status["platforms"]:
        show_platform(platform)
    versions = status.get("versions")
    if versions:
        oldest, newest = versions[-1]["version"], versions[0]["version"]
        console.say(f"versions {oldest} to {newest} can be restored")


def cells(platform: dict[str, Any]) -> list[str]:
    """Return a platform's row of the table."""
    return [
        platform["platform"],
        f"{platform['copies']:,}",
        at(platform["newest_copy_taken_at"]),
        f"{platform['newest_copy_age_hours']:,.0f} h",
        f"{platform['logins'] or 0:,}",
        f"{platform['rejected_logins']:,}",
    ]


def show_platform(platform: dict[str, Any]) -> None:
    """Print a platform's days, gaps and last copies."""
    name = platform["platform"]
    first, newest = day(platform["first_login_at"]), day(platform["newest_login_at"])
    console.say(f"{name}: first login on {first}, newest on {newest}")
    console.say(
        f"{name}: {count(platform['complete_days'], 'complete day')} and "
        f"{platform['partial_days']:,} partial up to {platform['last_finished_day']}"
        if platform["last_finished_day"]
        else f"{name}: no finished day yet"
    )
    for gap in platform["gaps"]:
        nights = gap["nights"]
        missing = f", no copy of {nights[0]} to {nights[-1]}" if nights else ""
        console.say(
            f"{name}: gap of {gap['hours']:,.0f} hours, {at(gap['from_at'])} to "
            f"{at(gap['to_at'])}{missing}"
        )
    for copy in platform["last_copies"]:
        console.say(
            f"{name}: copy of {at(copy['taken_at'])} brought {count(copy['new_logins'], 'login')}"
            f" of {count(copy['users'], 'user')}, {copy['rejected_logins']:,} rejected"
        )


def day(moment: datetime | None) -> str:
    """Write the day of a moment (UTC), or that there is none."""
    return f"{moment:%Y-%m-%d}" if moment else "none"
