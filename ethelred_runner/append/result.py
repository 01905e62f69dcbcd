"""What a build appended, and what its datastore holds now."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from ethelred_runner.datastore import CopyStatus, Status


@dataclass(frozen=True)
class Appended:
    """The result of a build.

    `known` has the identifiers of the copies that the datastore had before, `copies_given` how
    many of each platform the build was given.
    """

    status: Status
    known: Collection[str]
    copies_given: Counter[str]

    @property
    def copies(self) -> Sequence[CopyStatus]:
        """The copies that were new."""
        every = [copy for platform in self.status.platforms for copy in platform.copies]
        return [copy for copy in every if copy.copy_id not in self.known]

    @property
    def copies_known(self) -> int:
        """The number of copies that the datastore had already."""
        return self.copies_given.total() - len(self.copies)

    @property
    def backfilled(self) -> int:
        """The number of new copies that are older than the newest one known."""
        count = 0
        for platform in self.status.platforms:
            known = [copy.taken_at for copy in platform.copies if copy.copy_id in self.known]
            newest = max(known, default=datetime.min)
            new = [copy for copy in platform.copies if copy.copy_id not in self.known]
            count += sum(copy.taken_at < newest for copy in new)
        return count
