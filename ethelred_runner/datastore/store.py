"""Where a datastore is kept: a file of this machine, or a bucket in object storage."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from ethelred_runner import console
from ethelred_runner.bucket import Bucket
from ethelred_runner.build import Build, build, create
from ethelred_runner.copies import Copy
from ethelred_runner.datastore import locked, missing, refuse_foreign, wal_of
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.versions import Version, Versions
from ethelred_runner.workspace import private_folder, work_root

ROUNDS = 5  # of a run that others are always quicker than
NAME = "ethelred.duckdb"
FAILED = "ethelred.duckdb.failed"  # a build for a bucket that failed, in the folder for copies

Made = TypeVar("Made")


class Store(Protocol):
    """What commands need of a datastore, wherever it is kept. All raise DatastoreError."""

    @property
    def label(self) -> str:
        """The datastore's address, for messages."""

    @property
    def keeps_versions(self) -> bool:
        """Tell whether earlier versions can be listed and restored."""

    def exists(self) -> bool:
        """Tell whether there is a datastore; nothing is written."""

    def check(self, *, init: bool) -> str:
        """Look whether a run can use the datastore, and say in a few words what is there."""

    def fetch(self) -> Path:
        """Return a local file of the datastore as it is now, to be read only."""

    def append(self, copies: Sequence[Copy], *, init: bool) -> Build:
        """Append the copies' logins; afterwards `fetch` returns the datastore with them."""

    def create(self, fill: Callable[[Path], None]) -> None:
        """Make the datastore of the history tables that `fill` writes into an empty file."""

    def versions(self) -> list[Version]:
        """Return the versions that can be restored, the newest first."""

    def restore(self, number: int) -> Version:
        """Make an earlier version the newest, and return it."""


@contextmanager
def opened(address: str) -> Iterator[Store]:
    """Yield the store at a path or an `s3://` address.

    Raises UsageError for any other kind of address.
    """
    if address.startswith("s3://"):
        with private_folder() as folder:
            yield BucketStore(Bucket(address), folder)
    elif "://" in address:
        raise UsageError(
            f"--datastore {address.partition('://')[0]}://… is not supported: "
            "give a local path or s3://bucket/prefix"
        )
    else:
        # Resolved, so that a link to a file on another disk stays one.
        yield FileStore(Path(address).expanduser().resolve())


@dataclass(frozen=True)
class FileStore:
    """A datastore in one file of this machine."""

    path: Path
    keeps_versions = False

    @property
    def label(self) -> str:
        """The path, for messages."""
        return str(self.path)

    def exists(self) -> bool:
        """Tell whether there is such a file."""
        return self.path.exists()

    def check(self, *, init: bool) -> str:
        """Look whether the file can be read, and its folder be written to."""
        if not self.path.exists() and not init:
            raise missing(self.path)
        with locked(self.path):
            if not self.path.exists():
                return f"{self.path} will be created"
            refuse_foreign(self.path)
        return self.label

    def fetch(self) -> Path:
        """Return the path. Raises DatastoreError if there is no file or it isn't a datastore."""
        refuse_foreign(self.path)
        return self.path

    def append(self, copies: Sequence[Copy], *, init: bool) -> Build:
        """Append the copies' logins, as `build`."""
        return build(copies, self.path, init=init)

    def create(self, fill: Callable[[Path], None]) -> None:
        """Make the file, as `create`."""
        create(self.path, fill)

    def versions(self) -> list[Version]:
        """Raise UsageError: a file has no versions."""
        raise UsageError(
            f"{self.path} is a local file, which keeps no earlier versions: take backups of it "
            "(docs/datastore.md); a datastore at s3://… keeps them"
        )

    def restore(self, number: int) -> Version:
        """Raise UsageError: a file has no versions."""
        return self.versions()[number]


class Rehearsal(FileStore):
    """A private copy of a datastore, for a dry run."""

    def append(self, copies: Sequence[Copy], *, init: bool) -> Build:
        """Append to the copy; a build that fails is kept outside its folder, which goes away."""
        return build(copies, self.path, init=init, failed=work_root() / FAILED)


@contextmanager
def rehearsed(store: Store, *, init: bool) -> Iterator[Store]:
    """Yield a store that is a private copy of another, to which nothing is ever written."""
    with private_folder() as folder:
        path = folder / NAME
        if store.exists() or not init:
            original = store.fetch()
            # The log first: one that is too old for the file is told from it, a newer file isn't.
            if wal_of(original).exists():
                shutil.copyfile(wal_of(original), wal_of(path))
            shutil.copyfile(original, path)
        yield Rehearsal(path)


class BucketStore:
    """A datastore in object storage, worked on in a private folder of this machine."""

    keeps_versions = True

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self.label = bucket.label
        self._bucket = bucket
        self._versions = Versions(bucket)
        self._path = folder / NAME
        self._pulled: Version | None = None

    def exists(self) -> bool:
        """Tell whether a version was ever committed."""
        return self._versions.newest() is not None

    def check(self, *, init: bool) -> str:
        """Look whether the service keeps what it is relied on for, and what it holds."""
        self._bucket.probe()
        newest = self._versions.newest()
        if newest:
            return f"{self.label}, version {newest.version} of {newest.created_at}"
        if init:
            return f"{self.label} will be created"
        raise missing(self.label)

    def fetch(self) -> Path:
        """Pull the newest version unless it is here, verified, and return its path."""
        newest = self._versions.newest()
        if newest is None:
            raise missing(self.label)
        if newest != self._pulled:
            self._pull(newest)
        refuse_foreign(self._path)
        return self._path

    def append(self, copies: Sequence[Copy], *, init: bool) -> Build:
        """Pull, build, push; and again, if another run has pushed meanwhile."""

        def attempt() -> Build | None:
            if self._versions.newest() or not init:
                self.fetch()
            built = build(
                copies, self._path, init=self._pulled is None, failed=work_root() / FAILED
            )
            return built if not built.changed or self._push("build") else None

        built = self._until_committed(attempt)
        if built.changed:
            self._prune()
        return built

    def create(self, fill: Callable[[Path], None]) -> None:
        """Make the datastore, and push it as the first version."""
        self._bucket.probe()
        if self._versions.newest():
            raise DatastoreError(
                f"{self.label} holds a datastore already; nothing is ever put over a history"
            )
        create(self._path, fill, failed=work_root() / FAILED)
        if not self._push("import"):
            raise DatastoreError(f"{self.label}: another run has just made a datastore there")

    def versions(self) -> list[Version]:
        """Return the versions whose content is still there, the newest first."""
        return self._versions.listed()

    def restore(self, number: int) -> Version:
        """Push an earlier version again: what was newest stays, as a version to go back to."""

        def attempt() -> Version | None:
            newest = self._versions.newest_number()
            self._pull(self._versions.find(number))
            return self._push(f"restore of version {number}", based_on=newest)

        self._bucket.probe()
        restored = self._until_committed(attempt)
        self._prune()
        return restored

    def _until_committed(self, attempt: Callable[[], Made | None]) -> Made:
        for _ in range(ROUNDS):
            made = attempt()
            if made:
                return made
            console.note("another run was quicker; beginning again with what it has committed")
        raise DatastoreError(
            f"{self.label}: other runs were quicker {ROUNDS} times; run again when they have ended"
        )

    def _pull(self, version: Version) -> None:
        self._path.unlink(missing_ok=True)
        self._pulled = None
        self._versions.pull(version, self._path)
        self._pulled = version

    def _push(self, action: str, *, based_on: int | None = None) -> Version | None:
        """Commit the local file; None if another run has taken the next version's number."""
        if based_on is None:
            based_on = self._pulled.version if self._pulled else 0
        with self._path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._pulled = self._versions.push(self._path, sha256, based_on, action)
        if self._pulled is None:
            self._path.unlink()
        return self._pulled

    def _prune(self) -> None:
        try:
            self._versions.prune()
        except DatastoreError as error:  # the run is committed; the next one prunes again
            console.warn(f"old versions could not be pruned: {error}")
