"""What a datastore holds, at a glance: asked once, for whatever shows it."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ethelred_runner.datastore.database import connect
from ethelred_runner.datastore.reasons import explained

PLATFORMS = """
    select
        platform,
        list(
            row(platform, copy_id, taken_at, taken_at_source, obtained_at, users, new_logins,
                rejected_logins) order by taken_at, obtained_at
        ),
        (
            select coalesce(
                list(row(gap_started_at, gap_ended_at, gap_hours) order by gap_started_at), []
            )
            from collection_gaps where platform = copies.platform
        ),
        (
            select row(count(*), min(logged_in_at), max(logged_in_at))
            from logins where platform = copies.platform
        ),
        (
            select row(max(day), count(*) filter (coverage = 'complete'),
                count(*) filter (coverage = 'partial'))
            from logins_timeseries where platform = copies.platform
        )
    from copies group by platform order by platform
"""


@dataclass(frozen=True)
class Gap:
    """A stretch between two copies that was too long; times are naive UTC."""

    gap_started_at: datetime
    gap_ended_at: datetime
    gap_hours: float

    @property
    def nights(self) -> list[date]:
        """The nights (UTC) of which there is no copy."""
        first, last = self.gap_started_at.date(), self.gap_ended_at.date()
        return [first + timedelta(days=number) for number in range(1, (last - first).days)]


@dataclass(frozen=True)
class CopyStatus:
    """A copy that was read; times are naive UTC."""

    platform: str
    copy_id: str
    taken_at: datetime
    taken_at_source: str
    obtained_at: datetime
    users: int
    new_logins: int
    rejected_logins: int


@dataclass(frozen=True)
class PlatformStatus:
    """What a datastore holds of a platform; times are naive UTC. `copies` end with the newest."""

    platform: str
    copies: Sequence[CopyStatus]
    gaps: Sequence[Gap]
    logins: int
    first_login_at: datetime | None
    newest_login_at: datetime | None
    last_finished_day: date | None
    complete_days: int
    partial_days: int

    @property
    def newest_copy_age_hours(self) -> float:
        """How long ago the newest copy was taken."""
        age = datetime.now(UTC).replace(tzinfo=None) - self.copies[-1].taken_at
        return round(age / timedelta(hours=1), 1)


@dataclass(frozen=True)
class Status:
    """What a datastore holds."""

    size_bytes: int
    platforms: Sequence[PlatformStatus]


def read_status(path: Path) -> Status:
    """Return what a datastore holds. Raises DatastoreError if it can't be read."""
    platforms = []
    with explained(path), closing(connect(path)) as connection:
        for name, copies, gaps, logins, days in connection.execute(PLATFORMS).fetchall():
            copies, gaps = [CopyStatus(*copy) for copy in copies], [Gap(*gap) for gap in gaps]
            platforms.append(PlatformStatus(name, copies, gaps, *logins, *days))
    return Status(path.stat().st_size, platforms)
