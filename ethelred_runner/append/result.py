"""What a build appended, and what its datastore holds now."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ethelred_runner.datastore import Status, connect, read_status

NEW_COPIES = """
    with known as (
        select platform, max(taken_at) as newest_taken_at
        from copies where copy_id in (select unnest($known)) group by platform
    )
    select
        platform, taken_at, taken_at_from, users, new_logins, rejected_logins,
        coalesce(taken_at < newest_taken_at, false) as is_older
    from copies left join known using (platform)
    where copy_id not in (select unnest($known))
    order by platform, taken_at
"""


@dataclass(frozen=True)
class AppendedCopy:
    """One copy that a build appended; `taken_at` is in UTC.

    `is_older` tells that the datastore knew a newer copy of its platform before.
    """

    platform: str
    taken_at: datetime
    taken_at_from: str
    users: int
    new_logins: int
    rejected_logins: int
    is_older: bool


@dataclass(frozen=True)
class Appended:
    """The result of a build. `copies_given` is by platform."""

    status: Status
    copies: Sequence[AppendedCopy]
    copies_given: Counter[str]

    @property
    def copies_known(self) -> int:
        """The number of copies that the datastore had already."""
        return self.copies_given.total() - len(self.copies)


def read_result(path: Path, known: Sequence[str], copies_given: Counter[str]) -> Appended:
    """Compare a built datastore with the identifiers of the copies that were known before."""
    with closing(connect(path)) as connection:
        rows = connection.execute(NEW_COPIES, {"known": list(known)}).fetchall()
    new = [AppendedCopy(*row) for row in rows]
    return Appended(read_status(path), new, copies_given)
