"""A copy in object storage: `s3://bucket/key`, on Amazon or any compatible service."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from ethelred_runner.errors import SourceError, UsageError, is_panic
from ethelred_runner.sources.base import (
    Found,
    Interrupted,
    Reading,
    SourceChanged,
    is_private,
    last_part,
    redacted,
)

if TYPE_CHECKING:  # the library declares these types, and does not have them at run time
    from obstore import GetOptions, GetResult

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class S3Source:
    """An object in a bucket; keys, region and endpoint are the usual `AWS_…` variables."""

    def __init__(self, address: str) -> None:
        self.label = redacted(address)
        parts = urlsplit(address)
        self._bucket, self._key = parts.netloc, unquote(parts.path.lstrip("/"))
        if not self._bucket or "@" in self._bucket or not self._key:
            raise UsageError(f"{self.label}: write s3://bucket/key; keys go into AWS_… variables")

    @asynccontextmanager
    async def open(self, offset: int, version: str | None) -> AsyncIterator[Reading]:
        """Request the object from a byte on; raises as `Source.open` says."""
        with self._explained():
            store = self._store()
            options: GetOptions = {"if_match": version} if version else {}
            if offset:
                options["range"] = {"offset": offset}
            answer = await obstore.get_async(store, self._key, options=options)
            meta = answer.meta
            found = Found(
                last_part(self._key.replace("%", "%25")),
                meta["size"],
                meta["last_modified"].astimezone(UTC),
                meta["e_tag"],
            )
            yield Reading(found, answer.range[0], self._chunks(answer))

    def _store(self) -> S3Store:
        return S3Store(
            self._bucket,
            client_options={"allow_http": endpoint_is_local(), "timeout": "1 day"},
            retry_config={"max_retries": 0},  # `download` tries again
        )

    async def _chunks(self, answer: "GetResult") -> AsyncIterator[bytes]:
        with self._explained():
            # As it arrives: collecting a full chunk would look like a dead link on a slow one.
            async for chunk in answer.stream(min_chunk_size=1):
                yield bytes(chunk)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the library's errors into ours; its texts hold whole requests."""
        try:
            yield
        except PreconditionError:
            raise SourceChanged(f"{self.label}: the copy was replaced while it was read") from None
        except (NotFoundError, FileNotFoundError):
            raise SourceError(f"{self.label}: there is no such object; check its name") from None
        except (PermissionDeniedError, UnauthenticatedError):
            raise SourceError(
                f"{self.label}: the service refuses access; check AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY and AWS_REGION"
            ) from None
        except BaseError:
            raise Interrupted(f"{self.label}: the service can't be reached, or failed") from None
        except BaseException as error:
            if not is_panic(error):
                raise
            raise SourceError(
                f"{self.label}: the S3 library gave up; check the AWS_… settings for what can't be"
            ) from None


def endpoint_is_local() -> bool:
    """Tell whether the service runs on this machine, and so may be reached without TLS.

    Raises UsageError if its address is none, or if it runs elsewhere without TLS: copies and
    history are personal data.
    """
    setting = next(filter(os.environ.get, ENDPOINTS), ENDPOINTS[0])
    endpoint = urlsplit(os.environ.get(setting, ""))
    if endpoint.geturl() and not (endpoint.scheme in ("http", "https") and endpoint.hostname):
        raise UsageError(f"{setting} is no address of a service: write https://host")
    if endpoint.scheme and not is_private(endpoint.scheme, endpoint.hostname):
        raise UsageError(
            "AWS_ENDPOINT_URL: the S3 service is reached by http, which isn't encrypted; use https"
        )
    return is_private("", endpoint.hostname)
