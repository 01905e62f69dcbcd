"""Numbered versions of a datastore: immutable contents, and commits that are only ever created."""

import json
import os
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ethelred_runner.datastore.checkout import Conflict
from ethelred_runner.datastore.objects import Objects, Unreachable
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.folders import sha256_of
from ethelred_runner.settings import setting

DEFAULT_KEEP = "30"  # versions, unless ETHELRED_KEEP_VERSIONS says otherwise
KEEP_AT_LEAST = 2
NEEDED_FOR = timedelta(days=1)  # a content that a run has pushed, and may be about to commit


@dataclass(frozen=True)
class Version:
    """A committed version. `created_at` is in UTC by the clock of the machine that made it."""

    version: int
    created_at: str
    action: str
    blob: str
    sha256: str
    size_bytes: int


def commit_key(number: int) -> str:
    """Return the key of a version's commit; keys sort as their numbers do."""
    return f"commits/{number:08}.json"


class Versions:
    """The versions of one datastore. All methods raise DatastoreError."""

    def __init__(self, objects: Objects) -> None:
        self.objects, self.label = objects, objects.label
        self._keep = versions_to_keep()

    def newest_number(self) -> int:
        """Return the number of the newest version; 0 if there is none."""
        stems = [Path(key).stem for key in self.objects.list_keys("commits")]
        newest = max((int(stem) for stem in stems if stem.isdecimal()), default=0)
        # Some services list a new object only after a while, but all find it by its name.
        while self._look_up(newest + 1):
            newest += 1
        return newest

    def find(self, number: int) -> Version:
        """Return a version by its number."""
        found = self._look_up(number)
        if found is None:
            raise DatastoreError(f"{self.label} has no version {number}: see ethelred versions")
        return found

    def _look_up(self, number: int) -> Version | None:
        """Return a version; None if there is none, or what is there is no commit of Ethelred's."""
        content = self.objects.read(commit_key(number))
        try:
            found = json.loads(content or b"")
            version = Version(**{field.name: found[field.name] for field in fields(Version)})
        except (ValueError, TypeError, KeyError):  # what a power cut left, or any page
            return None
        return version if version.version == number else None

    def list_versions(self) -> list[Version]:
        """Return the versions whose contents are still there, the newest first."""
        blobs = self.objects.list_keys("blobs")
        newest = self.newest_number()
        oldest = max(newest - max(len(blobs), self._keep), 0)
        found = (self._look_up(number) for number in range(newest, oldest, -1))
        return [version for version in found if version and version.blob in blobs]

    def pull(self, version: Version, path: Path) -> None:
        """Write a version into a file, and see that it is what was committed."""
        found = self.objects.download(version.blob, path)
        if found != version.sha256:
            path.unlink()
            state = "damaged (its sha256 is another)" if found else "not there any more"
            raise DatastoreError(
                f"{self.label}: version {version.version} is {state}; ethelred versions lists what "
                "can be restored"
            )

    def push(self, path: Path, based_on: int, action: str) -> Version:
        """Commit a file as the version after `based_on`. Raises Conflict if there is one by now.

        What was written is read back first: a commit never names one that didn't arrive.
        """
        blob, sha256 = f"blobs/{uuid.uuid4().hex}.duckdb", sha256_of(path)
        self.objects.upload(path, blob)
        if self.objects.download(blob, Path(os.devnull)) != sha256:
            raise DatastoreError(
                f"{self.label}: what was uploaded is not what comes back; nothing was committed, "
                "run again"
            )
        created_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        version = Version(based_on + 1, created_at, action, blob, sha256, path.stat().st_size)
        if not self._commit(version):
            self.objects.delete([blob])
            raise Conflict(f"{self.label}: another run has committed meanwhile; run again")
        return version

    def _commit(self, version: Version) -> bool:
        """Create the commit; tell whether it is there and this one."""
        key, content = commit_key(version.version), json.dumps(asdict(version), indent=1).encode()
        with suppress(Unreachable):  # it may have arrived all the same: look
            if self.objects.create(key, content):
                return True
        # A repeated request may have met its own first one, of which only the answer was lost.
        found = self.objects.read(key)
        if found is None:
            raise Unreachable(
                f"{self.label}: the new version could not be committed; the datastore is as it "
                "was, run again"
            )
        return found == content

    def prune(self) -> None:
        """Delete the contents of versions that aren't kept, unless written lately."""
        kept = {version.blob for version in self.list_versions()[: self._keep]}
        written = self.objects.list_keys("blobs")
        now = max(self.objects.list_keys("commits").values())  # by the service's clock
        old = [key for key in written if key not in kept and now - written[key] > NEEDED_FOR]
        self.objects.delete(old)


def versions_to_keep() -> int:
    """Return how many versions ETHELRED_KEEP_VERSIONS says are kept.

    Raises UsageError if it is no number, or too small for a way back.
    """
    text = setting("ETHELRED_KEEP_VERSIONS", DEFAULT_KEEP)
    if not text.isdecimal() or int(text) < KEEP_AT_LEAST:
        raise UsageError(
            f"ETHELRED_KEEP_VERSIONS is {text}; it must be a number, at least {KEEP_AT_LEAST}"
        )
    return int(text)
