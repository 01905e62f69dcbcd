"""A datastore in object storage: numbered versions, worked on in a private folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.datastore.checkout import Checkout
from ethelred_runner.datastore.database import NAME, explained, missing, refuse_foreign, settle
from ethelred_runner.datastore.objects import open_bucket
from ethelred_runner.datastore.versions import Version, Versions
from ethelred_runner.errors import DatastoreError
from ethelred_runner.folders import private_folder


class BucketDatastore:
    """The versions under `s3://bucket/prefix`; `folder` is for what is pulled."""

    def __init__(self, address: str, folder: Path) -> None:
        self._versions = Versions(open_bucket(address))
        self.label = self._versions.label  # for messages
        self._path = folder / NAME
        self._pulled: Version | None = None

    def exists(self) -> bool:
        """Tell whether a version was ever committed."""
        return self._versions.newest_number() > 0

    def check(self, *, init: bool) -> str:
        """Look whether the service keeps what it is relied on for, and what it holds."""
        self._versions.objects.probe()
        newest = self._newest(init=init)
        if newest is None:
            return f"{self.label} will be created"
        return f"{self.label}, version {newest.version} of {newest.created_at}"

    def fetch(self) -> Path:
        """Pull the newest version unless it is here, verified, and return its path."""
        newest = self._newest(init=False)
        if newest and newest != self._pulled:
            with explained(self._path):
                self._versions.pull(newest, self._path)
            self._pulled = newest
        refuse_foreign(self._path, self.label)
        return self._path

    @contextmanager
    def checkout(
        self, *, init: bool, action: str = "build", version: Version | None = None
    ) -> Iterator[Checkout]:
        """Yield a work file; on leaving without an error it becomes the newest version.

        It holds `version`, by default the newest. Raises DatastoreError if there is none, unless
        `init`; on leaving Conflict if another run has committed meanwhile.
        """
        self._versions.objects.probe()
        based_on = self._versions.newest_number()
        if not version:  # else the newest may be damaged
            version = self._newest(init=init)
            based_on = version.version if version else 0
        with explained(self._path), private_folder() as folder:
            checkout = Checkout(folder / NAME, is_new=version is None)
            if version:
                self._versions.pull(version, checkout.path)
                refuse_foreign(checkout.path, self.label)
            yield checkout
            if not checkout.is_discarded:
                settle(checkout.path)
                self._commit(checkout.path, based_on, action)

    def versions(self) -> list[Version]:
        """Return the versions whose content is still there, the newest first."""
        return self._versions.list_versions()

    def restore(self, number: int) -> Version:
        """Make an earlier version the newest, and return it; none is deleted."""
        version = self._versions.find(number)
        with self.checkout(init=False, action=f"restore of version {number}", version=version):
            pass
        return self.versions()[0]

    def _newest(self, *, init: bool) -> Version | None:
        number = self._versions.newest_number()
        if not number and not init:
            raise missing(self.label)
        return self._versions.find(number) if number else None

    def _commit(self, path: Path, based_on: int, action: str) -> None:
        self._pulled = self._versions.push(path, based_on, action)
        path.replace(self._path)
        try:
            self._versions.prune()
        except DatastoreError as error:  # the run is committed; the next one prunes again
            console.warn(f"old versions could not be deleted: {error}")
