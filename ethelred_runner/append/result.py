"""What a build appended, and what its datastore holds now."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.datastore import Row, connect, read_status

# A copy's time is told to the hour only: see datastore/status.py.
NEW_COPIES = """
    with flagged as (
        select
            *,
            list_contains($known, platform || '/' || copy_id) as is_known,
            max(taken_at) filter (is_known) over (partition by platform) as newest_known_at
        from copies
    ),
    new_copies as (
        select * replace (date_trunc('hour', taken_at) as taken_at),
            coalesce(flagged.taken_at < newest_known_at, false) as is_backfilled
        from flagged where not is_known
    )
    select new_copies from new_copies order by platform, taken_at
"""


FAULTS = "select distinct fault from notes where fault is not null order by fault"
# Counted by an older version, days have no such column.
TIME_ZONE = """
    select any_value(to_json(logins_per_day) ->> 'reporting_time_zone') from logins_per_day
"""


@dataclass(frozen=True)
class Appended:
    """The result of a build: the status after it, and the rows of the copies that were new.

    `copies_given` has how many copies of each platform the build was given. `new_logins` also
    counts those that a known copy shows once a model was mended.
    """

    platforms: Sequence[Row] = ()
    copies: Sequence[Row] = ()
    copies_given: Counter[str] = field(default_factory=Counter)
    new_logins: int = 0


def read_result(path: Path, before: Path | None, copies_given: Counter[str]) -> Appended:
    """Return what a build has done to a datastore; `before` is a copy of what it was, if it was."""
    known, logins, old_zone = read_known(before) if before else ([], 0, None)
    with closing(connect(path)) as connection:
        zone = connection.execute(TIME_ZONE).fetchall()[0][0]
        if old_zone not in (None, zone):
            console.warn(f"all days were counted again: in {zone} time, before in {old_zone} time")
        for (fault,) in connection.execute(FAULTS).fetchall():
            console.warn(fault)
        rows = connection.execute(NEW_COPIES, {"known": known}).fetchall()
    platforms = read_status(path)
    new_logins = sum(platform["logins"] for platform in platforms) - logins
    return Appended(platforms, [row for (row,) in rows], copies_given, new_logins)


def read_known(path: Path) -> tuple[list[str], int, str | None]:
    """Return a datastore's copies, as PLATFORM/IDENTIFIER, number of logins, and time zone."""
    with closing(connect(path)) as connection:
        rows = connection.execute("select platform || '/' || copy_id from copies").fetchall()
        logins = connection.execute("select count(*) from logins").fetchall()[0][0]
        zone = connection.execute(TIME_ZONE).fetchall()[0][0]
    return [row[0] for row in rows], logins, zone
