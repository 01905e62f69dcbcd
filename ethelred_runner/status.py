"""What a datastore holds, for an operator at a glance."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from rich.table import Table

from ethelred_runner import console
from ethelred_runner.datastore import connect, refuse_foreign
from ethelred_runner.summary import at

PLATFORMS = """
    with copies as (
        select
            platform, count(*) as copies, min(taken_at) as first_copy_taken_at,
            max(taken_at) as newest_copy_taken_at, arg_max(users, taken_at) as users,
            arg_max(rejected_logins, taken_at) as rejected_logins,
            arg_max(new_logins, obtained_at) as new_logins_of_last_run
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
            count(*) filter (where coverage = 'partial') as partial_days
        from logins_timeseries group by platform
    )
    from copies left join logins using (platform) left join days using (platform)
    order by platform
"""
GAPS = "select platform, from_at, to_at, hours from collection_gaps order by from_at"


def read_status(datastore: Path) -> dict[str, Any]:
    """Return what the datastore holds; timestamps are in UTC.

    Raises DatastoreError if it is missing or can't be read.
    """
    refuse_foreign(datastore)
    with closing(connect(datastore)) as connection:
        platforms, gaps = rows(connection, PLATFORMS), rows(connection, GAPS)
    now = datetime.now(UTC).replace(tzinfo=None)
    for platform in platforms:
        age = now - platform["newest_copy_taken_at"]
        platform["newest_copy_age_hours"] = round(age.total_seconds() / 3600, 1)
        platform["gaps"] = [
            {key: value for key, value in gap.items() if key != "platform"}
            for gap in gaps
            if gap["platform"] == platform["platform"]
        ]
    size = datastore.stat().st_size
    return {"datastore": str(datastore), "size_bytes": size, "platforms": platforms}


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query by the names of their columns."""
    result = connection.execute(query)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def show_status(status: dict[str, Any]) -> None:
    """Print the status as a table, and the gaps below it."""
    table = Table(title=f"{status['datastore']} ({status['size_bytes'] / 2**20:,.1f} MiB)")
    for heading in ("platform", "copies", "newest copy", "logins", "first", "newest", "rejected"):
        table.add_column(heading)
    for platform in status["platforms"]:
        table.add_row(
            platform["platform"],
            f"{platform['copies']:,}",
            f"{at(platform['newest_copy_taken_at'])}\n{platform['newest_copy_age_hours']:,} h ago",
            f"{platform['logins'] or 0:,}",
            day(platform["first_login_at"]),
            day(platform["newest_login_at"]),
            f"{platform['rejected_logins']:,}",
        )
    console.results.print(table)
    for platform in status["platforms"]:
        for gap in platform["gaps"]:
            console.say(
                f"gap: {platform['platform']}, {gap['hours']:,.0f} hours without a copy, "
                f"{at(gap['from_at'])} to {at(gap['to_at'])}"
            )
        console.say(
            f"{platform['platform']}: {platform['complete_days']:,} complete days and "
            f"{platform['partial_days']:,} partial ones up to {platform['last_finished_day']}"
            if platform["last_finished_day"]
            else f"{platform['platform']}: no finished day yet"
        )


def day(moment: datetime | None) -> str:
    """Write the day of a moment (UTC), or that there is none."""
    return f"{moment:%Y-%m-%d}" if moment else "none"
