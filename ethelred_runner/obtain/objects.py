"""A copy on a web server or in object storage: `https://`, `s3://`, `http://` on this machine."""

import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import S3Store
from requests import PreparedRequest, RequestException, Response, Session, exceptions
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.network import bypass_proxy_for_this_machine, endpoint_is_local, is_private
from ethelred_runner.obtain.requests import Limits, Request
from ethelred_runner.obtain.source import (
    CHUNK,
    Found,
    Interrupted,
    Reading,
    SourceChanged,
    last_part,
    redacted,
)
from ethelred_runner.settings import setting

LATER = (408, 425, 429, 500, 502, 503, 504)  # answers that say: try again


class WebSource:
    """A file on a web server; redirects are followed, and a cut link is taken up again.

    Certificates are always checked, with `SSL_CERT_FILE` where it is set. Without TLS anybody
    on the way could read a copy, which is personal data, so `http` never leaves this machine.
    """

    def __init__(self, request: Request, limits: Limits) -> None:
        self.label = redacted(request.source)
        self._address = request.source
        self._access = request.authorization
        self._seconds = limits.stall_seconds
        parts = urlsplit(request.source)
        if not parts.hostname or not parts.path.strip("/"):
            raise UsageError(f"{self.label}: write https://host/path/to/copy")
        if not is_private(parts.scheme, parts.hostname):
            raise UsageError(f"{self.label}: http is not encrypted; use https, or sftp")

    @contextmanager
    def open(self, offset: int, version: str | None) -> Iterator[Reading]:
        """Request the file from a byte on; raises as `Source.open` says."""
        with ExitStack() as stack:
            with self._explained():
                response = stack.enter_context(self._get(stack, offset, version))
            self._check_status(response)
            starts_at, size = _extent(response)
            name = last_part(urlsplit(response.url).path)
            found = Found(name, size, _modified_at(response), _version(response))
            yield Reading(found, starts_at, self._chunks(response))

    def _get(self, stack: ExitStack, offset: int, version: str | None) -> Response:
        bypass_proxy_for_this_machine()
        session = stack.enter_context(Session())
        session.mount("https://", _PrivateAdapter())
        session.mount("http://", _PrivateAdapter())
        headers = {"Accept-Encoding": "identity"}
        if offset and version:
            headers |= {"Range": f"bytes={offset}-", "If-Range": version}
        return session.get(
            self._url(), headers=headers, auth=self._auth(), stream=True, timeout=self._seconds
        )

    def _url(self) -> str:
        return self._address

    def _auth(self) -> "_Authorization | None":
        """Return what goes before a user and password in the address, and before ~/.netrc."""
        value = setting(self._access)
        return _Authorization(value) if value else None

    def _chunks(self, response: Response) -> Iterator[bytes]:
        with self._explained():
            # As it arrives: waiting for a full chunk would look like a dead link on a slow one.
            while chunk := response.raw.read1(CHUNK, decode_content=False):
                yield chunk

    def _check_status(self, response: Response) -> None:
        status = response.status_code
        if status in (200, 206):
            return
        if status == 416:
            raise SourceChanged(f"{self.label}: the copy was replaced while it was read")
        if status in LATER:
            raise Interrupted(f"{self.label}: the server can't answer now (HTTP {status})")
        advice = {
            401: f"the server asks who you are; set {self._access}",
            403: f"the server refuses access; check {self._access}",
            404: "there is no such file on the server; check the address",
            410: "the file is no longer on the server",
        }.get(status, "the server gives no file")
        raise SourceError(f"{self.label}: {advice} (HTTP {status})")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the libraries' errors into ours, which show no address in full."""
        try:
            yield
        except SourceError as error:
            raise SourceError(f"{self.label}: {error}") from None
        except (RequestException, HTTPError, UnicodeError) as error:
            raise self._explanation(error) from None

    def _explanation(self, error: Exception) -> SourceError:
        kind, text = type(error).__name__, str(error)
        match error:
            case exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in text:
                reason = text.partition("verify failed: ")[2].partition(" (")[0]
                return SourceError(
                    f"{self.label}: the server's certificate can't be trusted ({reason}); "
                    "name the file of its authority in SSL_CERT_FILE if it is your own"
                )
            case exceptions.TooManyRedirects() | exceptions.InvalidURL():
                return SourceError(f"{self.label}: the address leads nowhere ({kind})")
            case ValueError():
                return SourceError(f"{self.label}: the request can't be made; check {self._access}")
        if "timed out" in text:
            return Interrupted(f"{self.label}: nothing arrived for {self._seconds:g} seconds")
        if found := re.search(r"\[Errno -?\d+\] ([\w ]+)", text):
            return Interrupted(f"{self.label}: the server can't be reached ({found[1]})")
        return Interrupted(f"{self.label}: the link broke ({kind})")


class S3Source(WebSource):
    """An object in a bucket: a file of the web, at an address that is signed for each request.

    Keys, region and endpoint are the usual `AWS_…` variables.
    """

    def __init__(self, request: Request, limits: Limits) -> None:
        self.label = redacted(request.source)
        self._access = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
        self._seconds = limits.stall_seconds
        parts = urlsplit(request.source)
        self._bucket, self._key = parts.netloc, unquote(parts.path.lstrip("/"))
        if not self._bucket or "@" in self._bucket or not self._key:
            raise UsageError(f"{self.label}: write s3://bucket/key; keys go into AWS_… variables")
        endpoint_is_local()

    def _url(self) -> str:
        try:
            store = S3Store(self._bucket, client_options={"allow_http": endpoint_is_local()})
            return obstore.sign(store, "GET", self._key, timedelta(hours=12))
        except BaseException as error:
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                raise SourceError(f"no request can be signed; check {self._access}") from None
            raise

    def _auth(self) -> "_Authorization":
        return _Authorization("")


class _PrivateAdapter(HTTPAdapter):
    """Trusts the authorities that Python trusts, and follows no redirect to where others read."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=ssl.create_default_context())

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        options["ssl_context"] = ssl.create_default_context()
        return super().proxy_manager_for(proxy, **options)

    def cert_verify(self, *args: Any) -> None:
        """Leave the choice of authorities to the context."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        parts = urlsplit(request.url or "")
        if not is_private(str(parts.scheme), parts.hostname):
            raise SourceError("the server redirects to http, which isn't encrypted")
        return super().send(request, *args, **options)


class _Authorization:
    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self._value:
            request.prepare_headers({**request.headers, "Authorization": self._value})
        return request


def _extent(response: Response) -> tuple[int, int | None]:
    """Return where the answer begins in the file, and the file's length if it is known."""
    if response.status_code == 206:
        extent, _, total = response.headers.get("Content-Range", "").rpartition("/")
        start = extent.removeprefix("bytes ").partition("-")[0]
        return (int(start) if start.isdigit() else -1), (int(total) if total.isdigit() else None)
    length = response.headers.get("Content-Length", "")
    return 0, (int(length) if length.isdigit() else None)


def _version(response: Response) -> str | None:
    """Return what If-Range takes: a strong ETag, else the time of modification."""
    etag = response.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")


def _modified_at(response: Response) -> datetime | None:
    try:
        time = parsedate_to_datetime(response.headers["Last-Modified"])
    except (KeyError, ValueError):
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
