"""What a datastore holds, at a glance: asked once, for whatever shows it."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ethelred_runner.datastore.database import connect, explained

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
    select * replace (
        coalesce(logins, 0) as logins, coalesce(complete_days, 0) as complete_days,
        coalesce(partial_days, 0) as partial_days,
        coalesce(days_before_collection, 0) as days_before_collection
    )
    from copies left join logins using (platform) left join days using (platform)
    order by platform
"""
LAST_COPIES = """
    select platform, taken_at, obtained_at, users, new_logins, rejected_logins from copies
    qualify row_number()
        over (partition by platform order by obtained_at desc, taken_at desc) <= 7
    order by obtained_at desc, taken_at desc
"""
GAPS = "select platform, from_at, to_at, hours from collection_gaps order by from_at"
# A history that was imported, and not built yet, has no marts.
NO_MARTS = """
    create temp view logins_timeseries as
    select null::varchar as platform, null::date as day, null::varchar as coverage where false;
    create temp view collection_gaps as
    select null::varchar as platform, null as from_at, null as to_at, null as hours where false
"""


@dataclass(frozen=True)
class Gap:
    """A stretch between two copies that was too long; times are naive UTC."""

    from_at: datetime
    to_at: datetime
    hours: float

    @property
    def nights(self) -> list[date]:
        """The nights (UTC) of which there is no copy."""
        first, last = self.from_at.date(), self.to_at.date()
        return [first + timedelta(days=number) for number in range(1, (last - first).days)]


@dataclass(frozen=True)
class CopyStatus:
    """A copy that was read; times are naive UTC."""

    taken_at: datetime
    obtained_at: datetime
    users: int
    new_logins: int
    rejected_logins: int


@dataclass(frozen=True)
class PlatformStatus:
    """What a datastore holds of a platform; times are naive UTC. `users` are the newest copy's."""

    platform: str
    copies: int
    first_copy_taken_at: datetime
    newest_copy_taken_at: datetime
    users: int
    rejected_logins: int
    new_logins_of_last_copy: int
    logins: int
    first_login_at: datetime | None
    newest_login_at: datetime | None
    last_finished_day: date | None
    complete_days: int
    partial_days: int
    days_before_collection: int
    newest_copy_age_hours: float
    gaps: Sequence[Gap]
    last_copies: Sequence[CopyStatus]


@dataclass(frozen=True)
class Status:
    """What a datastore holds."""

    size_bytes: int
    platforms: Sequence[PlatformStatus]


def read_status(path: Path) -> Status:
    """Return what a datastore holds. Raises DatastoreError if it can't be read."""
    with explained(path), closing(connect(path)) as connection:
        if not has_marts(connection):
            connection.execute(NO_MARTS)
        platforms, copies = query(connection, PLATFORMS), query(connection, LAST_COPIES)
        gaps = query(connection, GAPS)
    now = datetime.now(UTC).replace(tzinfo=None)
    found = []
    for name, (facts,) in platforms.items():
        age = now - facts["newest_copy_taken_at"]
        found.append(
            PlatformStatus(
                platform=name,
                newest_copy_age_hours=round(age.total_seconds() / 3600, 1),
                gaps=[Gap(**gap) for gap in gaps.get(name, [])],
                last_copies=[CopyStatus(**copy) for copy in copies[name]],
                **facts,
            )
        )
    return Status(path.stat().st_size, found)


def has_marts(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether the models were ever built in this file."""
    found = connection.execute("select 1 from (show tables) where name = 'collection_gaps'")
    return bool(found.fetchall())


def query(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a query by their platform, each by the names of its other columns."""
    result = connection.execute(sql)
    names = [column[0] for column in result.description or ()]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in result.fetchall():
        facts = dict(zip(names, row, strict=True))
        found.setdefault(facts.pop("platform"), []).append(facts)
    return found
