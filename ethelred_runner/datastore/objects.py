"""Objects in a bucket or a folder: created once, verified transfers, plain errors."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import ObjectStore, S3Store

from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.network import bypass_proxy_for_this_machine, endpoint_is_local

CHUNK = 8 * 2**20  # bytes: with the service's limit of 10,000 parts, room for 80 GB
TRIES = 5  # of each request, with growing pauses, for up to RETRY_FOR
RETRY_FOR = timedelta(minutes=2)
SILENCE = timedelta(seconds=60)  # on a connection, until it counts as broken

REASONS = {  # by what the library's messages say; they hold whole requests, so none is shown
    "QuotaExceeded|Insufficient ?Storage|No space left|Disk quota": "there is no room left; make "
    "room (a smaller ETHELRED_KEEP_VERSIONS needs less) and run again",
    r"os error (1|13|30)\)": "nothing can be written there; check its permissions",
    "NoSuchBucket": "there is no such bucket; create it, or check the address",
    "RequestTimeTooSkewed|RequestExpired": "the service refuses this machine's clock; set it right",
    "ExpiredToken|InvalidToken|TokenRefresh": "the session token has expired; set a new "
    "AWS_SESSION_TOKEN",
    "configured region|AuthorizationHeaderMalformed|PermanentRedirect": "the bucket is in another "
    "region; check AWS_REGION and AWS_ENDPOINT_URL",
    "501 Not Implemented": "the service lacks what is needed (If-None-Match); use another",
    "UnknownIssuer|peer certificate": "the service's certificate can't be trusted; name the file "
    "of its authority in SSL_CERT_FILE if it is your own",
    "407 Proxy|tunnel": "the proxy refuses the connection; check HTTPS_PROXY",
    "403 Forbidden|401 Unauthorized": "the service refuses access; check AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY and AWS_REGION",
}


class Unreachable(DatastoreError):
    """The service could not be reached or failed; whether a write took place isn't known."""


class Objects:
    """Objects by their keys. All methods raise DatastoreError, which begins with the label."""

    def __init__(self, store: ObjectStore, label: str) -> None:
        self.label, self._store = label, store

    def probe(self) -> None:
        """Raise DatastoreError unless the service refuses to create an object that is there.

        All safety of concurrent runs rests on that. The object `probe` stays.
        """
        self.create("probe", b"Ethelred tests here that an object is never created twice.\n")
        if self.create("probe", b"This must not have been written.\n"):
            raise DatastoreError(
                f"{self.label}: this service overwrites objects although it is asked not to "
                "(If-None-Match), so that two runs could lose each other's logins; use another "
                "service, or a local datastore"
            )

    def create(self, key: str, content: bytes) -> bool:
        """Create an object, and return True; return False if there is one already."""
        with self._explained():
            try:
                obstore.put(self._store, key, content, mode="create")
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def upload(self, path: Path, key: str) -> None:
        """Write a file under a new key; it is there as a whole or not at all."""
        with self._explained(), path.open("rb") as file:
            obstore.put(self._store, key, file, chunk_size=CHUNK, max_concurrency=4)

    def download(self, key: str, path: Path) -> str | None:
        """Write an object into a file, and return the sha256 of what arrived; None if it's gone."""
        digest = hashlib.sha256()
        with self._explained(), path.open("wb") as file:
            try:
                found = obstore.get(self._store, key)
            except (NotFoundError, FileNotFoundError):
                return None
            for chunk in found.stream(min_chunk_size=CHUNK):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def read(self, key: str) -> bytes | None:
        """Return a small object, or None if there is none."""
        with self._explained():
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except (NotFoundError, FileNotFoundError):
                return None

    def list_keys(self, folder: str) -> dict[str, datetime]:
        """Return the keys of a folder, each with when it was written, by the service's clock."""
        with self._explained():
            return {
                meta["path"]: meta["last_modified"].astimezone(UTC)
                for page in obstore.list(self._store, folder, chunk_size=1000)
                for meta in page
            }

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; it is no error if one is gone already."""
        with self._explained():
            for key in keys:  # one by one: not every service knows how to delete many
                with suppress(NotFoundError, FileNotFoundError):
                    obstore.delete(self._store, key)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the library's errors into ours, and its panics, which are no Exceptions."""
        try:
            yield
        except BaseException as error:
            if isinstance(error, BaseError | FileNotFoundError):
                raise self._explain(str(error)) from error
            if type(error).__name__ != "PanicException":
                raise
            raise DatastoreError(
                f"{self.label}: the request can't be made; check the AWS_… variables"
            ) from None

    def _explain(self, message: str) -> DatastoreError:
        for pattern, reason in REASONS.items():
            if re.search(pattern, message):
                return DatastoreError(f"{self.label}: {reason}")
        return Unreachable(
            f"{self.label}: the service can't be reached, or failed; check AWS_ENDPOINT_URL, "
            "and run again"
        )


def open_bucket(address: str) -> Objects:
    """Return the objects under `s3://bucket/prefix`; the usual `AWS_…` variables give access.

    Raises UsageError for another address, or an endpoint elsewhere without TLS.
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
            "connect_timeout": min(SILENCE, timedelta(seconds=10)),
        },
        retry_config={"max_retries": TRIES - 1, "retry_timeout": RETRY_FOR},
    )
    return Objects(store, f"s3://{parts.netloc}/{prefix}".rstrip("/"))
