"""A datastore in a local file: locked during a run, replaced atomically, kept in versions."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from obstore.store import LocalStore

from ethelred_runner import console
from ethelred_runner.datastore.database import NAME, Checkout, check_format, refuse_wal, settle
from ethelred_runner.datastore.reasons import as_datastore_errors
from ethelred_runner.datastore.versions import Conflict, Version, Versions
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.folders import locked, make_folder, private_folder, set_access, sha256_of, sync
from ethelred_runner.settings import resolved

# How long to wait for another run, or for the dbt process of a killed one.
WAIT_SECONDS = 10.0


class FileDatastore:
    """A file, and the folder of its last versions beside it."""

    def __init__(self, address: str) -> None:
        # If the path is a link, its target is replaced, and the link stays.
        self.path = resolved("--datastore", address)
        if self.path == self.path.parent:
            raise UsageError("--datastore /: this is a folder; name a file in it")
        self.label = str(self.path)  # for messages
        self._folder = self.path.with_name(f"{self.path.name}.versions")

    def exists(self) -> bool:
        """Return whether the file exists."""
        with as_datastore_errors(self.path):
            return self.path.exists()

    def check(self, *, init: bool) -> str:
        """Test whether a run can use or create the file; return what `ethelred check` shows."""
        with as_datastore_errors(self.path), locked_folder(self.path):
            refuse_wal(self.path)
            is_new = init and not self.path.exists()
            if not is_new:
                check_format(self.path, self.label)
        return f"{self.path} will be created" if is_new else self.label

    def readable_path(self) -> Path:
        """Return the path of the file, for reading only."""
        refuse_wal(self.path)
        check_format(self.path, self.label)
        return self.path

    @contextmanager
    def checkout(
        self, *, init: bool, action: str = "build", version: int | None = None
    ) -> Iterator[Checkout]:
        """Yield a work file, which replaces the datastore at the end of the `with` block.

        If the block raises an error or discards the checkout, the datastore stays as it is. The
        work file starts as a copy of `version`, by default of the datastore itself. Raises
        DatastoreError if there is no datastore and `init` is false. On leaving, raises Conflict if
        another program has changed the datastore.
        """
        with as_datastore_errors(self.path), locked_folder(self.path) as folder:
            refuse_wal(self.path)
            before = sha256_if_exists(self.path)
            if not version and (before or not init):
                self.readable_path()
            checkout = Checkout(folder / NAME)
            if before:
                shutil.copyfile(self.path, checkout.path)
                # The datastore may have no version yet: a killed run or a person put it there.
                self._keep("found")
            if version:
                self._versions().pull(version, checkout.path)
            yield checkout
            if not checkout.is_discarded:
                settle(checkout.path)
                self._replace(checkout.path, before)
                self._keep(action)

    def versions(self) -> list[Version]:
        """Return the readable versions beside the file, the newest first."""
        refuse_wal(self.path)
        with as_datastore_errors(self.path):
            if not os.access(self._folder, os.R_OK | os.X_OK):  # it may be private
                return []
            return self._versions().list_versions()

    def restore(self, number: int) -> Version:
        """Replace the file by an earlier version, and return the version that this makes."""
        with self.checkout(init=True, action=f"restore of version {number}", version=number):
            pass
        return self.versions()[0]

    def _versions(self) -> Versions:
        make_folder(self._folder, 0o700)
        return Versions(LocalStore(self._folder), str(self._folder))

    def _replace(self, work: Path, before: str | None) -> None:
        """Replace the datastore atomically by the work file."""
        like = self.path if before else self.path.parent
        set_access(work, like.stat().st_mode if before else 0o600, like=like)
        sync(work)
        refuse_wal(self.path)
        if sha256_if_exists(self.path) != before:
            raise Conflict(f"{self.path} was changed by another program during this run; run again")
        work.replace(self.path)
        sync(self.path.parent)

    def _keep(self, action: str) -> None:
        """Keep the file as the newest version, unless it is already; warn if that fails."""
        try:
            with as_datastore_errors(self._folder):
                versions = self._versions()
                kept = versions.list_versions()
                if not kept or kept[0].sha256 != sha256_if_exists(self.path):
                    versions.push(self.path, versions.newest_number(), action)
                    for path in (self._folder, *self._folder.glob("**/*")):
                        set_access(path, 0o700 if path.is_dir() else 0o600, like=self.path)
        except DatastoreError as error:
            console.warn(f"a version of the datastore could not be kept: {error}")


def sha256_if_exists(path: Path) -> str | None:
    """Return the SHA-256 of a file; None if the file is missing."""
    return sha256_of(path) if path.exists() else None


@contextmanager
def locked_folder(datastore: Path) -> Iterator[Path]:
    """Lock a datastore for a run and its programs. Yield a private folder beside the datastore.

    Raises DatastoreError if another run holds it for longer than WAIT_SECONDS.
    """
    make_folder(datastore.parent)
    path = datastore.with_name(f".{datastore.name}.lock")
    path.touch()
    set_access(path, 0o600, like=datastore if datastore.exists() else datastore.parent)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, wait_seconds=WAIT_SECONDS))
        except BlockingIOError:
            raise DatastoreError(
                f"another run, or the dbt process of a killed run, is at work on {datastore} "
                f"(the run was process {path.read_text()}); try again when it has ended"
            ) from None
        path.write_text(str(os.getpid()))
        yield stack.enter_context(private_folder(inside=datastore.parent))
