"""What a build appended, and what its datastore holds now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ethelred_runner.datastore import CopyStatus, Status, read_status


@dataclass(frozen=True)
class AppendedCopy:
    """A copy that a build appended; `is_older` tells that a newer one was known before."""

    platform: str
    copy: CopyStatus
    is_older: bool


@dataclass(frozen=True)
class Appended:
    """The result of a build. `changed` is False if the datastore already held all of it."""

    status: Status
    copies: Sequence[AppendedCopy]
    copies_given: int
    changed: bool

    @property
    def new_logins(self) -> int:
        """The number of logins appended."""
        return sum(appended.copy.new_logins for appended in self.copies)

    @property
    def copies_known(self) -> int:
        """The number of copies that the datastore had already."""
        return self.copies_given - len(self.copies)


def read_result(
    path: Path, known: Collection[str], copies_given: int, *, changed: bool
) -> Appended:
    """Compare a built datastore with the identifiers of the copies that were known before."""
    status, new = read_status(path), list[AppendedCopy]()
    for platform in status.platforms:
        old = [copy.taken_at for copy in platform.copies if copy.copy_id in known]
        newest = max(old, default=datetime.min)
        new += [
            AppendedCopy(platform.platform, copy, copy.taken_at < newest)
            for copy in platform.copies
            if copy.copy_id not in known
        ]
    return Appended(status, new, copies_given, changed)
