"""What a build appended, and what its datastore holds now."""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ethelred_runner.datastore import Row, connect, read_status

# A copy's time is told to the hour only: see datastore/status.py.
NEW_COPIES = """
    with flagged as (
        select
            *,
            list_contains($known, copy_id) as is_known,
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


@dataclass(frozen=True)
class Appended:
    """The result of a build: the status after it, and the rows of the copies that were new.

    `copies_given` has how many copies of each platform the build was given.
    """

    platforms: Sequence[Row] = ()
    copies: Sequence[Row] = ()
    copies_given: Counter[str] = field(default_factory=Counter)


def read_result(path: Path, known: Collection[str], copies_given: Counter[str]) -> Appended:
    """Return what a build has done to a datastore that had the `known` copies before."""
    with closing(connect(path)) as connection:
        rows = connection.execute(NEW_COPIES, {"known": list(known)}).fetchall()
    return Appended(read_status(path), [row for (row,) in rows], copies_given)
