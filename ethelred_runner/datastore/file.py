"""A datastore in one file of this machine: locked, replaced in one step, versions beside it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from obstore.store import LocalStore

from ethelred_runner import console
from ethelred_runner.datastore.checkout import Checkout, Conflict
from ethelred_runner.datastore.database import (
    NAME,
    explained,
    log_of,
    missing,
    refuse_foreign,
    refuse_log,
    settle,
)
from ethelred_runner.datastore.objects import Objects
from ethelred_runner.datastore.versions import Version, Versions, commit_key, versions_to_keep
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.folders import UNSUPPORTED, keep_owner, locked, sha256_of, sync

# For another run to end before this one gives up: long enough for dbt, orphaned by a killed run.
WAIT_SECONDS = 10.0

Identity = tuple[int, int, int]


class FileDatastore:
    """A file, and the folder of its last versions beside it."""

    def __init__(self, address: str) -> None:
        try:
            # Resolved, so that a link to a file on another disk stays one.
            self.path = Path(address).expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(f"--datastore {address!r} is no path: {error}") from None
        versions_to_keep()  # said before a run begins, not when it has committed
        self.label = str(self.path)  # for messages
        self._folder = self.path.with_name(f"{self.path.name}.versions")

    def exists(self) -> bool:
        """Tell whether there is such a file."""
        with explained(self.path):
            return self.path.exists()

    def check(self, *, init: bool) -> str:
        """Look whether a run can work on the file, or create it."""
        with self.checkout(init=init) as checkout:
            checkout.discard()
        return f"{self.path} will be created" if checkout.is_new else self.label

    def fetch(self) -> Path:
        """Return the path of the file, to be read only."""
        if not self.exists():
            raise missing(self.path)
        refuse_log(self.path)
        refuse_foreign(self.path, self.label)
        return self.path

    @contextmanager
    def checkout(
        self, *, init: bool, action: str = "build", version: Version | None = None
    ) -> Iterator[Checkout]:
        """Yield a work file; on leaving without an error it takes the datastore's place.

        It holds `version`, by default what the file does. Raises DatastoreError if there is none,
        unless `init`; on leaving Conflict if somebody else has changed the file meanwhile.
        """
        with explained(self.path), lock_of(self.path), work_folder(self.path) as folder:
            refuse_log(self.path)
            before = identity(self.path)
            if not version and (before or not init):
                self.fetch()
            checkout = Checkout(folder / NAME, is_new=before is None)
            if before:
                shutil.copyfile(self.path, checkout.path)
                # Another than the newest version: put back by hand, or left by a killed run.
                self._keep(checkout.path, "found")
            if version:
                self._versions().pull(version, checkout.path)
                refuse_foreign(checkout.path, self.label)
            yield checkout
            if not checkout.is_discarded:
                settle(checkout.path)
                self._replace(checkout.path, before)
                self._keep(self.path, action)

    def versions(self) -> list[Version]:
        """Return the versions beside the file, the newest first."""
        refuse_log(self.path)
        with explained(self.path):
            return self._versions().list_versions() if self._folder.exists() else []

    def restore(self, number: int) -> Version:
        """Put an earlier version in the file's place, as the newest, and return it."""
        with explained(self.path):
            version = self._versions().find(number)
        with self.checkout(init=True, action=f"restore of version {number}", version=version):
            pass
        return self.versions()[0]

    def _versions(self) -> Versions:
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700)
        return Versions(Objects(LocalStore(self._folder), str(self._folder)))

    def _replace(self, work: Path, before: Identity | None) -> None:
        """Put the work file in the datastore's place: at any instant it is the old or the new."""
        keep_owner(work, like=self.path if before else self.path.parent)
        work.chmod(self.path.stat().st_mode if before else 0o600)
        sync(work)
        if identity(self.path) != before or log_of(self.path).exists():
            raise Conflict(f"{self.path} was changed by another program during this run; run again")
        work.replace(self.path)
        sync(self.path.parent)

    def _keep(self, path: Path, action: str) -> None:
        """Keep a file as the newest version, unless it is that; else warn: the file is well."""
        try:
            with explained(self._folder):
                versions = self._versions()
                tidy_versions(self._folder, like=self.path)
                newest = next(iter(versions.list_versions()), None)
                if newest is None or newest.sha256 != sha256_of(path):
                    kept = versions.push(path, versions.newest_number(), action)
                    tidy_versions(self._folder, like=self.path)
                    for key in (kept.blob, "blobs", commit_key(kept.version), "commits"):
                        sync(self._folder / key)
                    versions.prune()
        except DatastoreError as error:
            console.warn(f"a version of the datastore could not be kept: {error}")


def tidy_versions(folder: Path, *, like: Path) -> None:
    """Make a folder of versions private, its owner that of the datastore; remove scraps."""
    for path in folder.glob("**/*#*"):  # left by a run that was killed while it wrote
        path.unlink()
    for path in (folder, *folder.glob("**/*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        keep_owner(path, like=like)


@contextmanager
def lock_of(datastore: Path) -> Iterator[None]:
    """Hold the datastore for one run, and for the programs that it starts.

    Raises DatastoreError if another run holds it for longer than WAIT_SECONDS.
    """
    if "?" in str(datastore.parent):
        raise UsageError(f"{datastore}: DuckDB can't write below a folder with ? in its name")
    datastore.parent.mkdir(parents=True, exist_ok=True)
    path = datastore.with_name(f".{datastore.name}.lock")
    if not path.exists():
        path.touch(mode=0o600)
        keep_owner(path, like=datastore if datastore.exists() else datastore.parent)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, wait_seconds=WAIT_SECONDS))
        except BlockingIOError:
            raise in_use(datastore, path.read_text()) from None
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            console.warn(f"{datastore.parent} knows no locks: never have two runs at once")
        path.write_text(str(os.getpid()))
        yield


def in_use(datastore: Path, holder: str) -> DatastoreError:
    """Return the error that names the run which holds the datastore, by its process number."""
    with suppress(ValueError, PermissionError):  # of nobody, or of somebody else
        try:
            os.kill(int(holder), 0)
        except ProcessLookupError:
            return DatastoreError(
                f"a run on {datastore} was killed (process {holder}), but the dbt that it started "
                "is still at work; try again in a minute"
            )
    return DatastoreError(
        f"another run is at work on {datastore} (process {holder}); try again when it has ended"
    )


@contextmanager
def work_folder(datastore: Path) -> Iterator[Path]:
    """Make an empty folder beside the datastore, private, and remove it at the end.

    Its name is always the same, so that what a killed run left goes with the next one.
    """
    name = datastore.name.replace("?", "_")  # below a folder with one DuckDB can't write
    folder = datastore.with_name(f".{name}.work")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def identity(path: Path) -> Identity | None:
    """Return what changes if anybody writes to a file or replaces it; None if there is none."""
    if not path.exists():
        return None
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
