"""Objects under a prefix of a bucket: create-only writes, verified transfers, plain errors."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from ethelred_runner.errors import DatastoreError, UsageError, is_panic
from ethelred_runner.sources.s3 import endpoint_is_local

CHUNK = 8 * 2**20  # bytes: with the service's limit of 10,000 parts, room for 80 GB
PROBE = "probe"
TRIES = 5  # of each request, with growing pauses, for up to RETRY_FOR
RETRY_FOR = timedelta(minutes=2)
SILENCE = timedelta(seconds=60)  # on a connection, until it counts as broken

Take = Callable[[bytes], object]


class Unreachable(DatastoreError):
    """The service could not be reached or failed; whether a write took place isn't known."""


class Gone(DatastoreError):
    """There is no such bucket or object."""


class Bucket:
    """The objects under `s3://bucket/prefix`; the usual `AWS_…` variables configure access."""

    def __init__(self, address: str, *, tries: int = TRIES, silence: timedelta = SILENCE) -> None:
        parts = urlsplit(address)
        prefix = unquote(parts.path.strip("/"))
        if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            raise UsageError(
                "--datastore: write s3://bucket/prefix; keys and endpoint go into AWS_… variables"
            )
        self.label = f"s3://{parts.netloc}/{prefix}".rstrip("/")
        with self._explained():
            self._store = open_store(parts.netloc, prefix, tries, silence)

    def probe(self) -> None:
        """Raise DatastoreError unless the service refuses to create an object that is there.

        All safety of concurrent runs rests on that. The object `probe` stays.
        """
        self.create(PROBE, b"Ethelred tests here that an object is never created twice.\n")
        if self.create(PROBE, b"This must not have been written.\n"):
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

    def download(self, key: str, path: Path) -> str:
        """Write an object into a file, and return the sha256 of what arrived."""
        with path.open("wb") as file:
            return self._digest(key, file.write)

    def sha256(self, key: str) -> str:
        """Read an object, and return the sha256 of what arrived."""
        return self._digest(key, len)

    def _digest(self, key: str, take: Take) -> str:
        digest = hashlib.sha256()
        with self._explained():
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=CHUNK):
                digest.update(chunk)
                take(bytes(chunk))
        return digest.hexdigest()

    def read(self, key: str) -> bytes | None:
        """Return a small object, or None if there is none."""
        with self._explained():
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except (NotFoundError, FileNotFoundError):
                return None

    def keys(self, folder: str) -> dict[str, datetime]:
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
        """Turn the library's errors into ours; its texts hold whole requests."""
        try:
            yield
        except (NotFoundError, FileNotFoundError) as error:
            raise Gone(
                f"{self.label}: the service has no such bucket or object; check the address"
            ) from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise self._refused() from error
        except BaseError as error:
            # When listing, the library has no types for these two.
            if "403 Forbidden" in str(error):
                raise self._refused() from error
            if "NoSuchBucket" in str(error):
                raise DatastoreError(
                    f"{self.label}: there is no such bucket; create it, or check the address"
                ) from error
            raise Unreachable(
                f"{self.label}: the service can't be reached, or failed; check AWS_ENDPOINT_URL, "
                "and run again"
            ) from error
        except BaseException as error:
            if not is_panic(error):
                raise
            raise DatastoreError(
                f"{self.label}: the S3 library gave up; check the AWS_… settings for what can't be"
            ) from error

    def _refused(self) -> DatastoreError:
        return DatastoreError(
            f"{self.label}: the service refuses access; check AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and AWS_REGION"
        )


def open_store(bucket: str, prefix: str, tries: int, silence: timedelta) -> S3Store:
    """Return the library's store. Raises UsageError for an endpoint elsewhere without TLS."""
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options={
            "allow_http": endpoint_is_local(),
            "timeout": "1 day",
            "read_timeout": silence,
            "connect_timeout": min(silence, timedelta(seconds=10)),
        },
        retry_config={"max_retries": tries - 1, "retry_timeout": RETRY_FOR},
    )
