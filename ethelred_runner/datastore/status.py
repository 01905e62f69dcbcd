"""What a datastore holds, at a glance: asked once, for whatever shows it."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ethelred_runner.datastore.database import connect, explained

PLATFORMS = """
    with all_copies as (
        select
            platform, count(*) as copies, min(taken_at) as first_copy_taken_at,
            max(taken_at) as newest_copy_taken_at, arg_max(users, taken_at) as users,
            arg_max(rejected_logins, taken_at) as rejected_logins,
            arg_max(new_logins, obtained_at) as new_logins_of_last_copy,
            round((epoch(now()) - epoch(max(taken_at))) / 3600, 1) as newest_copy_age_hours,
            list(row(taken_at, obtained_at, users, new_logins, rejected_logins)
                order by obtained_at desc, taken_at desc)[:7] as last_copies
        from copies group by platform
    ), all_logins as (
        select
            platform, count(*) as logins, min(logged_in_at) as first_login_at,
            max(logged_in_at) as newest_login_at
        from logins group by platform
    ), days as (
        select
            platform, max(day) as last_finished_day,
            count(*) filter (coverage = 'complete') as complete_days,
            count(*) filter (coverage = 'partial') as partial_days,
            count(*) filter (coverage = 'before_collection') as days_before_collection
        from logins_timeseries group by platform
    ), all_gaps as (
        select platform, list(row(from_at, to_at, hours) order by from_at) as gaps
        from collection_gaps group by platform
    )
    select
        all_copies.*, first_login_at, newest_login_at, last_finished_day,
        coalesce(logins, 0) as logins, coalesce(complete_days, 0) as complete_days,
        coalesce(partial_days, 0) as partial_days, gaps,
        coalesce(days_before_collection, 0) as days_before_collection
    from all_copies
    left join all_logins using (platform)
    left join days using (platform)
    left join all_gaps using (platform)
    order by platform
"""
NO_MARTS = """  -- a history that was imported, and not built yet, has none
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
        marts = connection.execute("select 1 from (show tables) where name = 'collection_gaps'")
        if not marts.fetchall():
            connection.execute(NO_MARTS)
        result = connection.execute(PLATFORMS)
        names = [column[0] for column in result.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return Status(path.stat().st_size, [platform_status(row) for row in rows])


def platform_status(row: dict[str, Any]) -> PlatformStatus:
    """Return a row of PLATFORMS as a dataclass."""
    gaps = [Gap(*gap) for gap in row.pop("gaps") or ()]
    last_copies = [CopyStatus(*copy) for copy in row.pop("last_copies")]
    return PlatformStatus(gaps=gaps, last_copies=last_copies, **row)
