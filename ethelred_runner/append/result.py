"""The result of a build: what it appended, and the datastore's status after it."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ethelred_runner import console
from ethelred_runner.datastore import Row, attach, connect, read_status
from ethelred_runner.errors import EthelredError
from ethelred_runner.obtain.last_logins import COPIES_NAME

# A copy's time is cut to the hour: see datastore/status.py.
NEW_COPIES = """
    with new_copies as (
        select
            * replace (date_trunc('hour', taken_at) as taken_at),
            list_contains($known, platform || '/' || copy_id) as is_known,
            max(copies.taken_at) filter (is_known) over (partition by platform) as newest_known_at,
            coalesce(copies.taken_at < newest_known_at, false) as is_backfilled
        from copies
        qualify not is_known
    )
    select new_copies from new_copies order by platform, taken_at
"""
DOUBTS = """
    with doubts as (
        select
            doubts.* replace (date_trunc('hour', doubts.taken_at) as taken_at),
            copies.copy_id is null as is_refused
        from obtained.int_copy_doubts as doubts
        left join copies using (platform, copy_id)
    )
    select doubts from doubts order by platform, taken_at, copy_number, doubt
"""
LEAVE_OUT = """
    delete from copies_obtained
    where copy_number in $1
    and platform in (select platform from copies_obtained where copy_number not in $1)
    returning copy_number
"""
FAULTS = "select distinct fault from notes where fault is not null order by fault"
# Days that an older version has counted lack the column for the time zone.
CONTENTS = """
    select
        (select list(platform || '/' || copy_id) from copies),
        (select count(*) from logins),
        (select any_value(to_json(logins_per_day) ->> 'reporting_time_zone') from logins_per_day)
"""


@dataclass(frozen=True)
class Appended:
    """The result of a build: the status after it, and the rows of the copies that were new.

    `doubts` are about new copies, appended or left out. `copies_read` is the number of copies that
    the build was given, by platform. `new_logins` also counts logins that a corrected model finds
    in a copy read before. `failures` are the errors of the copies that couldn't be obtained.
    """

    platforms: Sequence[Row] = ()
    new_copies: Sequence[Row] = ()
    copies_read: Counter[str] = field(default_factory=Counter)
    new_logins: int = 0
    doubts: Sequence[Row] = ()
    failures: Sequence[EthelredError] = ()

    @property
    def refused(self) -> list[Row]:
        """The doubts about copies that were left out."""
        return [doubt for doubt in self.doubts if doubt["is_refused"]]


def read_doubts(connection: duckdb.DuckDBPyConnection) -> list[Row]:
    """Return the doubts about the copies of a build, which are attached as `obtained`."""
    return [doubt for (doubt,) in connection.execute(DOUBTS).fetchall()]


def leave_out_refused(path: Path) -> list[Row]:
    """Delete refused copies from copies.duckdb, and return the doubts about them.

    If all copies of a platform are refused, they stay: no accepted copy is judged by them.
    """
    copies = path.with_name(COPIES_NAME)
    with closing(connect(path)) as connection:
        attach(connection, copies, "obtained")
        refused = [doubt for doubt in read_doubts(connection) if doubt["is_refused"]]
    numbers = [doubt["copy_number"] for doubt in refused]
    with closing(duckdb.connect(copies)) as connection:
        deleted = connection.execute(LEAVE_OUT, [numbers]).fetchall()
    return [doubt for doubt in refused if (doubt["copy_number"],) in deleted]


def read_result(path: Path, before: Path | None, left_out: Sequence[Row] = ()) -> Appended:
    """Return the result of a build.

    `before` is a copy of the datastore from before the build; None if it is new. `left_out` are
    the doubts about copies that the build was not given, because they had been refused.
    """
    known, logins, old_zone = read_contents(before) if before else ([], 0, None)
    _, logins_now, zone = read_contents(path)
    if old_zone and zone and old_zone != zone:  # a datastore without logins has none
        console.warn(f"all days were counted again: in {zone} time, before in {old_zone} time")
    with closing(connect(path)) as connection:
        attach(connection, path.with_name(COPIES_NAME), "obtained")
        doubts = [*left_out, *read_doubts(connection)]
        read = connection.execute("select platform from obtained.copies_obtained").fetchall()
        warn_of_faults(connection)
        rows = connection.execute(NEW_COPIES, {"known": known}).fetchall()
    copies = [copy for (copy,) in rows]
    refused = {(doubt["platform"], doubt["copy_number"]) for doubt in left_out}
    copies_read = Counter(platform for platform, *_ in [*read, *refused])
    return Appended(read_status(path), copies, copies_read, logins_now - logins, doubts)


def warn_of_faults(connection: duckdb.DuckDBPyConnection) -> None:
    """Warn of the rows and files of annotations and bank holidays that can't be read."""
    for (fault,) in connection.execute(FAULTS).fetchall():
        console.warn(fault)


def read_contents(path: Path) -> tuple[list[str], int, str | None]:
    """Return a datastore's copies, as PLATFORM/IDENTIFIER, number of logins, and time zone."""
    with closing(connect(path)) as connection:
        copies, logins, zone = connection.execute(CONTENTS).fetchall()[0]
    return copies or [], logins, zone
