"""A copy on a web server: `https://`, and `http://` on this machine only."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp import ClientResponse

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.sources.base import (
    Authorization,
    Found,
    Interrupted,
    Reading,
    SourceChanged,
    is_private,
    last_part,
    redacted,
)

LATER = (408, 425, 429, 500, 502, 503, 504)  # answers that say: try again


class WebSource:
    """A file on a web server; redirects are followed, and a cut link is taken up again.

    The library sends the header of `authorization` to no other host or port than the address's.

    Certificates are always checked, with `SSL_CERT_FILE` where it is set. Without TLS anybody
    on the way could read a copy, which is personal data, so `http` never leaves this machine.
    """

    def __init__(self, address: str, authorization: Authorization) -> None:
        self.label = redacted(address)
        self._authorization = authorization
        self._address = address
        parts = urlsplit(address)
        if not parts.hostname or not parts.path.strip("/"):
            raise UsageError(f"{self.label}: write https://host/path/to/copy")
        if not is_private(parts.scheme, parts.hostname):
            raise UsageError(f"{self.label}: http is not encrypted; use https, or sftp")

    @asynccontextmanager
    async def open(self, offset: int, version: str | None) -> AsyncIterator[Reading]:
        """Request the file from a byte on; raises as `Source.open` says."""
        with self._explained():
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()),
                    timeout=aiohttp.ClientTimeout(),  # none: `download` bounds every wait
                    auto_decompress=False,
                    trust_env=True,
                    read_bufsize=2**18,  # bytes; with the 64 KB by default, TLS waits too often
                    middlewares=[self._check_private],
                ) as session,
                session.get(self._url(), headers=self._headers(offset, version)) as response,
            ):
                self._check_status(response)
                yield self._reading(response, version)

    def _url(self) -> str:
        """Return the address; what the header says goes before a user and password in it."""
        parts = urlsplit(self._address)
        if self._authorization.value:
            parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        return urlunsplit(parts)

    def _headers(self, offset: int, version: str | None) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self._authorization.value:
            headers["Authorization"] = self._authorization.value
        if offset and version:
            headers |= {"Range": f"bytes={offset}-", "If-Range": version}
        return headers

    def _reading(self, response: ClientResponse, version: str | None) -> Reading:
        starts_at, size = _extent(response)
        # An answer in part says by itself that the version is still the one asked for.
        version = version if response.status == 206 else _version(response)
        name = last_part(response.url.path)
        found = Found(name, size, _modified_at(response), version)
        return Reading(found, starts_at, self._chunks(response))

    async def _chunks(self, response: ClientResponse) -> AsyncIterator[bytes]:
        with self._explained():
            # As it arrives: collecting a full chunk would look like a dead link on a slow one.
            async for chunk in response.content.iter_any():
                yield chunk

    async def _check_private(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> ClientResponse:
        if not is_private(request.url.scheme, request.url.host):
            raise SourceError(f"{self.label}: the server redirects to http, which isn't encrypted")
        return await send(request)

    def _check_status(self, response: ClientResponse) -> None:
        status = response.status
        if status in (200, 206):
            return
        if status == 416:
            raise SourceChanged(f"{self.label}: the copy was replaced while it was read")
        if status in LATER:
            raise Interrupted(f"{self.label}: the server can't answer now (HTTP {status})")
        advice = {
            401: f"the server asks who you are; set {self._authorization.setting}",
            403: f"the server refuses access; check {self._authorization.setting}",
            404: "there is no such file on the server; check the address",
            410: "the file is no longer on the server",
        }.get(status, "the server gives no file")
        raise SourceError(f"{self.label}: {advice} (HTTP {status})")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the library's errors into ours, which show no address in full."""
        try:
            yield
        except (aiohttp.ClientError, OSError) as error:
            raise _explanation(self.label, error) from None
        except ValueError:  # a header that can't be, or two that say who we are
            raise SourceError(
                f"{self.label}: the request can't be made; check {self._authorization.setting}, "
                "and that ~/.netrc doesn't say something else"
            ) from None


def _extent(response: ClientResponse) -> tuple[int, int | None]:
    """Return where the answer begins in the file, and the file's length if it is known."""
    if response.status == 206:
        extent, _, total = response.headers.get("Content-Range", "").rpartition("/")
        start = extent.removeprefix("bytes ").partition("-")[0]
        return (int(start) if start.isdigit() else -1), (int(total) if total.isdigit() else None)
    length = response.headers.get("Content-Length", "")
    return 0, (int(length) if length.isdigit() else None)


def _version(response: ClientResponse) -> str | None:
    """Return what If-Range takes: a strong ETag, else the time of modification."""
    etag: str | None = response.headers.get("ETag")
    if etag and not etag.startswith("W/"):
        return etag
    modified: str | None = response.headers.get("Last-Modified")
    return modified


def _modified_at(response: ClientResponse) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers["Last-Modified"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def _explanation(label: str, error: Exception) -> SourceError:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = str(error.certificate_error).partition("failed: ")[2].partition(" (")[0]
        return SourceError(
            f"{label}: the server's certificate can't be trusted ({reason}); "
            "name the file of its authority in SSL_CERT_FILE if it is your own"
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return Interrupted(f"{label}: the server can't be reached ({error.os_error.strerror})")
    kind = type(error).__name__
    if isinstance(error, aiohttp.TooManyRedirects | aiohttp.InvalidURL):
        return SourceError(f"{label}: the address leads nowhere ({kind})")
    return Interrupted(f"{label}: the link broke ({kind})")
