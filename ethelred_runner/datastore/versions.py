"""A datastore in object storage: numbered versions, each committed once and never overwritten.

`commits/00000012.json` says which blob is version 12, with its sha256. It is created only if it
isn't there, so of two runs that both began with version 11 one becomes version 12 and the other
begins again. Blobs have names of their own, so one that no commit names (a push that was cut off)
is as if it weren't there; `prune` removes it later.
"""

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.filesize import decimal
from rich.table import Table

from ethelred_runner import console
from ethelred_runner.bucket import Bucket, Gone, Unreachable
from ethelred_runner.errors import DatastoreError, UsageError

KEEP = 30  # versions, unless ETHELRED_KEEP_VERSIONS says otherwise
KEEP_AT_LEAST = 2
# A blob that a run may still need: it has just been pushed, or was the newest when a run began.
NEEDED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Version:
    """A committed version. `created_at` is in UTC by the clock of the machine that made it."""

    version: int
    created_at: str
    action: str
    blob: str
    sha256: str
    size_bytes: int

    @property
    def key(self) -> str:
        """The key of the commit."""
        return commit_key(self.version)


def commit_key(version: int) -> str:
    """Return the key of a version's commit; keys sort as their numbers do."""
    return f"commits/{version:08}.json"


class Versions:
    """The versions of one datastore in a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def newest_number(self) -> int:
        """Return the number of the newest version; 0 if there is none."""
        stems = [Path(key).stem for key in self.bucket.keys("commits")]
        newest = max((int(stem) for stem in stems if stem.isdecimal()), default=0)
        # Some services list a new object only after a while, but all find it by its name.
        while self.bucket.read(commit_key(newest + 1)) is not None:
            newest += 1
        return newest

    def newest(self) -> Version | None:
        """Return the newest version, or None if there is none."""
        number = self.newest_number()
        return self.find(number) if number else None

    def find(self, number: int) -> Version:
        """Return a version by its number. Raises DatastoreError if there is none."""
        content = self.bucket.read(commit_key(number))
        if content is None:
            raise DatastoreError(
                f"{self.bucket.label} has no version {number}; ethelred versions lists them"
            )
        try:
            found = json.loads(content)
            return Version(**{field.name: found[field.name] for field in fields(Version)})
        except (ValueError, TypeError, KeyError) as error:
            raise DatastoreError(
                f"{self.bucket.label}/{commit_key(number)} is no commit of Ethelred's"
            ) from error

    def listed(self) -> list[Version]:
        """Return the versions whose blobs are still there, the newest first."""
        blobs = self.bucket.keys("blobs")
        return [version for version in self._backwards(len(blobs)) if version.blob in blobs]

    def _backwards(self, blobs: int) -> Iterator[Version]:
        """Yield versions from the newest, until as many as there are blobs, and those to keep."""
        newest = self.newest_number()
        oldest = max(newest - max(blobs, versions_to_keep()), 0)
        for number in range(newest, oldest, -1):
            yield self.find(number)

    def pull(self, version: Version, path: Path) -> None:
        """Write a version into a file. Raises DatastoreError if it isn't what was committed."""
        try:
            found = self.bucket.download(version.blob, path)
        except Gone as error:
            raise DatastoreError(
                f"{self.bucket.label}: the content of version {version.version} is not there any "
                "more; ethelred versions lists what can be restored"
            ) from error
        if found != version.sha256:
            path.unlink()
            raise DatastoreError(
                f"{self.bucket.label}: version {version.version} is damaged (its sha256 is not "
                "the committed one); restore an earlier one: ethelred versions, ethelred restore"
            )

    def push(self, path: Path, sha256: str, based_on: int, action: str) -> Version | None:
        """Commit a file as the version after `based_on`; None if that number is taken by now.

        The blob is read back first: a commit never names one that didn't arrive.
        """
        blob = f"blobs/{uuid.uuid4().hex}.duckdb"
        self.bucket.upload(path, blob)
        if self.bucket.sha256(blob) != sha256:
            raise DatastoreError(
                f"{self.bucket.label}: what was uploaded is not what the service gives back; "
                "nothing was committed, run again"
            )
        created_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        size = path.stat().st_size
        version = Version(based_on + 1, created_at, action, blob, sha256, size)
        if self._commit(version):
            return version
        self.bucket.delete([blob])
        return None

    def _commit(self, version: Version) -> bool:
        """Create the commit; tell whether it is there and this one."""
        content = json.dumps(asdict(version), indent=1).encode()
        try:
            if self.bucket.create(version.key, content):
                return True
        except Unreachable:
            console.note("the connection broke at the commit; looking whether it arrived")
        # A repeated request may have met its own first one, of which only the answer was lost.
        found = self.bucket.read(version.key)
        if found is None:
            raise Unreachable(
                f"{self.bucket.label}: the new version could not be committed; the datastore is "
                "as it was, run again"
            )
        return found == content

    def prune(self) -> int:
        """Delete blobs that are neither kept versions nor needed by a run; return how many."""
        newest = self.newest_number()
        commits = self.bucket.keys("commits")
        now = max(commits.values())  # by the service's clock
        kept = {
            self.find(number).blob
            for number in range(newest, 0, -1)
            if number > newest - versions_to_keep() or is_recent(commits, number + 1, now)
        }
        old = [
            key
            for key, written_at in self.bucket.keys("blobs").items()
            if key not in kept and now - written_at > NEEDED_FOR
        ]
        self.bucket.delete(old)
        return len(old)


def is_recent(commits: dict[str, datetime], number: int, now: datetime) -> bool:
    """Tell whether a version was committed so lately that a run may still use the one before."""
    return now - commits.get(commit_key(number), now) <= NEEDED_FOR


def versions_to_keep() -> int:
    """Return how many versions ETHELRED_KEEP_VERSIONS says are kept.

    Raises UsageError if it is no number, or too small for a way back.
    """
    text = os.environ.get("ETHELRED_KEEP_VERSIONS") or str(KEEP)
    if not text.isdecimal() or int(text) < KEEP_AT_LEAST:
        raise UsageError(
            f"ETHELRED_KEEP_VERSIONS is {text}; it must be a number, at least {KEEP_AT_LEAST}"
        )
    return int(text)


def show_versions(versions: Sequence[Version]) -> None:
    """Print the versions as a table."""
    table = Table()
    for heading in ("version", "created at", "by", "size"):
        table.add_column(heading)
    for version in versions:
        table.add_row(
            str(version.version), version.created_at, version.action, decimal(version.size_bytes)
        )
    console.results.print(table)
