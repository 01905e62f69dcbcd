"""Numbered versions of a datastore: blobs and commits are created, and never changed."""

import json
import os
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, NotFoundError, PreconditionError
from obstore.store import ObjectStore

from ethelred_runner import console
from ethelred_runner.datastore.database import check_format
from ethelred_runner.datastore.reasons import MISSING, as_datastore_errors
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.folders import sha256_of
from ethelred_runner.settings import setting

CHUNK = 8 * 2**20  # bytes; a service allows 10,000 parts, so files of up to 80 GB
COMMIT_KEY = "commits/{:08}.json"
BLOB_GRACE_PERIOD = timedelta(days=1)  # a run may have pushed a blob and not yet committed it


class Conflict(DatastoreError):
    """Another run has committed since the checkout: start again from its version."""


@dataclass(frozen=True)
class Version:
    """A committed version. `created_at` is in UTC, by the clock of the run's machine."""

    version: int
    created_at: str
    action: str
    blob: str
    sha256: str
    size_bytes: int


class Versions:
    """The versions of one datastore, in a bucket or a folder. Failures raise DatastoreError."""

    def __init__(self, store: ObjectStore, label: str) -> None:
        self._store, self.label = store, label

    def probe(self) -> None:
        """Raise DatastoreError if the service overwrites an object although asked not to.

        Concurrent runs are safe only if it refuses. The object `probe` stays.
        """
        self._create("probe", b"Ethelred tests here that an object is never created twice.\n")
        if self._create("probe", b"This must not have been written.\n"):
            raise DatastoreError(
                f"{self.label}: this service overwrites objects in spite of If-None-Match, so "
                "two runs could lose each other's logins; use another service"
            )

    def newest_number(self, *, init: bool = True) -> int:
        """Return the newest number. If there is none, return 0 if `init` is set, else raise."""
        newest = max(self._numbers(), default=0)
        if not newest and not init:
            raise DatastoreError(f"{self.label}: {MISSING}")
        return newest

    def list_versions(self) -> list[Version]:
        """Return the versions whose blobs still exist, the newest first."""
        blobs = self._list("blobs")
        versions = map(self._look_up, sorted(self._numbers(), reverse=True))
        found = (version for version in versions if version and version.blob in blobs)
        return list(islice(found, len(blobs)))

    def pull(self, number: int, path: Path) -> None:
        """Write a version into a file, and verify it."""
        version = self._look_up(number)
        if version is None:
            raise DatastoreError(f"{self.label} has no version {number}: see ethelred versions")
        if self._download(version.blob, path) != version.sha256:
            raise DatastoreError(
                f"{self.label}: version {number} is damaged or not there: see ethelred versions"
            )
        check_format(path, self.label)

    def push(self, path: Path, based_on: int, action: str) -> None:
        """Commit a file as the version after `based_on`. Raises Conflict if that exists already."""
        blob, digest = f"blobs/{uuid.uuid4().hex}.duckdb", sha256_of(path)
        with as_datastore_errors(self.label), path.open("rb") as file:
            obstore.put(self._store, blob, file, chunk_size=CHUNK, max_concurrency=2)
        # A commit must name a blob that has arrived.
        if self._download(blob, Path(os.devnull)) != digest:
            raise DatastoreError(
                f"{self.label}: what was stored differs from what was sent; run again"
            )
        made_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        version = Version(based_on + 1, made_at, action, blob, digest, path.stat().st_size)
        try:
            if not self._commit(version):
                raise Conflict(f"{self.label}: another run has committed meanwhile; run again")
        except DatastoreError:  # where every commit fails, blobs would pile up
            self._prune()
            raise
        self._prune()

    def _numbers(self) -> list[int]:
        stems = [Path(key).stem for key in self._list("commits")]
        return [int(stem) for stem in stems if stem.isdecimal()]

    def _look_up(self, number: int) -> Version | None:
        """Return a version; None if it is missing or unreadable."""
        try:
            return Version(**json.loads(self._read(COMMIT_KEY.format(number)) or b""))
        except (ValueError, TypeError):  # a foreign file, or one cut short by a power failure
            return None

    def _commit(self, version: Version) -> bool:
        """Create the commit; return whether the stored one is ours."""
        key = COMMIT_KEY.format(version.version)
        content = json.dumps(asdict(version), indent=1).encode()
        try:
            if self._create(key, content):
                return True
        except DatastoreError:  # the service may have created it in spite of the error
            if self._read(key) is None:
                raise
        # The client repeats an unanswered request, and may find its own commit.
        return self._read(key) == content

    def _prune(self) -> None:
        """Delete the blobs of old and failed versions, after the grace period."""
        needed_from = datetime.now(UTC) - BLOB_GRACE_PERIOD
        try:
            kept = {version.blob for version in self.list_versions()[: max_versions_kept()]}
            for key, written_at in self._list("blobs").items():
                if kept and key not in kept and written_at < needed_from:
                    with as_datastore_errors(self.label):
                        obstore.delete(self._store, key)
        except DatastoreError as error:  # the next run prunes again
            console.warn(f"old versions could not be deleted: {error}")

    def _create(self, key: str, content: bytes) -> bool:
        """Create an object; return whether it is new."""
        with as_datastore_errors(self.label):
            try:
                obstore.put(self._store, key, content, mode="create")
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def _download(self, key: str, path: Path) -> str | None:
        """Write an object to a file; return its SHA-256, or None if the object is missing."""
        digest = sha256()
        with as_datastore_errors(self.label):
            try:
                found = obstore.get(self._store, key)
            except (NotFoundError, FileNotFoundError):
                return None
            with path.open("wb") as file:
                for chunk in found.stream(min_chunk_size=CHUNK):
                    digest.update(chunk)
                    with as_datastore_errors(path):  # the local disk
                        file.write(chunk)
        return digest.hexdigest()

    def _read(self, key: str) -> bytes | None:
        """Return a small object's content, or None if there is none."""
        with as_datastore_errors(self.label):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except (NotFoundError, FileNotFoundError):
                return None

    def _list(self, folder: str) -> dict[str, datetime]:
        """Return the keys in a folder with their modification times, by the service's clock."""
        found: dict[str, datetime] = {}
        with as_datastore_errors(self.label):
            for metas in obstore.list(self._store, folder, chunk_size=10):
                more = {meta["path"]: meta["last_modified"] for meta in metas}
                if more.keys() <= found.keys():  # a service may repeat its first page for ever
                    raise DatastoreError(
                        f"{self.label} lists the same objects again; check AWS_ENDPOINT_URL"
                    )
                found |= more
        return found


def max_versions_kept() -> int:
    """Return the setting ETHELRED_KEEP_VERSIONS. Raises UsageError unless it is at least 2."""
    text = setting("ETHELRED_KEEP_VERSIONS", "30")
    if not text.isdecimal() or int(text) < 2:
        raise UsageError(f"ETHELRED_KEEP_VERSIONS is {text}; it must be a number, at least 2")
    return int(text)
