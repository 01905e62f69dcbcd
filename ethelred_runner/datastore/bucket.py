"""A datastore in object storage: numbered versions, worked on in a private folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.store import S3Store

from ethelred_runner.datastore.database import NAME, Checkout, settle
from ethelred_runner.datastore.reasons import as_datastore_errors
from ethelred_runner.datastore.versions import Version, Versions
from ethelred_runner.errors import UsageError
from ethelred_runner.folders import private_folder
from ethelred_runner.network import bypass_proxy_for_this_machine, endpoint_is_local

TRIES = 5  # per request
# A silent connection counts as broken after this. A slow line must be able to send two parts of an
# upload in this time.
SILENCE = timedelta(seconds=30)
# No retry begins later: a stopped run waits for a request to end, and systemd kills it after 90 s.
PATIENCE = timedelta(seconds=45)


class BucketDatastore:
    """The versions under `s3://bucket/prefix`, pulled into `folder`."""

    def __init__(self, address: str, folder: Path) -> None:
        self._versions = open_bucket(address)
        self.label = self._versions.label  # for messages
        self._path = folder / NAME

    def exists(self) -> bool:
        """Return whether there is a version."""
        return self._versions.newest_number() > 0

    def check(self, *, init: bool) -> str:
        """Test that the service overwrites nothing; return a label with the newest version."""
        self._versions.probe()
        number = self._versions.newest_number(init=init)
        return f"{self.label}, version {number}" if number else f"{self.label} will be created"

    def readable_path(self) -> Path:
        """Pull and verify the newest version, and return its path."""
        self._versions.pull(self._versions.newest_number(init=False), self._path)
        return self._path

    @contextmanager
    def checkout(
        self, *, init: bool, action: str = "build", version: int | None = None
    ) -> Iterator[Checkout]:
        """Do as FileDatastore does. On leaving, raises Conflict if another run has committed."""
        self._versions.probe()
        newest = self._versions.newest_number(init=init)
        with as_datastore_errors(self._path), private_folder() as folder:
            checkout = Checkout(folder / NAME)
            if newest:
                self._versions.pull(version or newest, checkout.path)
            yield checkout
            if not checkout.is_discarded:
                settle(checkout.path)
                self._versions.push(checkout.path, newest, action)

    def versions(self) -> list[Version]:
        """Return the versions that can be restored, the newest first."""
        return self._versions.list_versions()

    def restore(self, number: int) -> Version:
        """Make an earlier version the newest, without deleting any, and return it."""
        with self.checkout(init=False, action=f"restore of version {number}", version=number):
            pass
        return self.versions()[0]


def open_bucket(address: str) -> Versions:
    """Return the versions under `s3://bucket/prefix`; the usual `AWS_…` variables give access.

    Raises UsageError for another address, or for an endpoint on another machine without TLS.
    """
    parts = urlsplit(address)
    prefix = unquote(parts.path.strip("/"))
    if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            "--datastore: write s3://bucket/prefix; keys and endpoint go into AWS_… variables"
        )
    bypass_proxy_for_this_machine()
    store = S3Store(
        parts.netloc,
        prefix=prefix or None,
        client_options={
            "allow_http": endpoint_is_local(),
            "timeout": "1 day",
            "read_timeout": SILENCE,
        },
        retry_config={"max_retries": TRIES - 1, "retry_timeout": PATIENCE},
    )
    return Versions(store, address.rstrip("/"))
