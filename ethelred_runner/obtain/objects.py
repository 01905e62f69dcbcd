"""A copy on a web server or in object storage: `https://`, `s3://`, `http://` on this machine."""

import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import S3Store
from requests import PreparedRequest, RequestException, Response, Session, exceptions
from urllib3.exceptions import HTTPError

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.network import bypass_proxy_for_this_machine, endpoint_is_local, is_private
from ethelred_runner.obtain.addresses import last_part
from ethelred_runner.obtain.requests import Limits, Request
from ethelred_runner.obtain.source import CHUNK, Found, Interrupted, Reading, Source, SourceChanged
from ethelred_runner.settings import setting

LATER = (408, 425, 429, 500, 502, 503, 504)  # answers that say: try again
S3_SETTINGS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"

logging.getLogger("urllib3.connectionpool").disabled = True  # it logs what addresses keep secret


class WebSource(Source):
    """A file on a web server; redirects are followed, and a cut link is taken up again.

    Certificates are always checked. Without TLS anybody on the way could read a copy, which is
    personal data, so `http` never leaves this machine.
    """

    def __init__(self, request: Request, limits: Limits) -> None:
        super().__init__(request, limits)
        self._access = request.authorization  # what gives access: the name of a setting
        self._check_address()

    @contextmanager
    def open(self, offset: int, version: str | None) -> Iterator[Reading]:
        """Request the file from a byte on; raises as `Source.open` says."""
        with _Session() as session, ExitStack() as stack:
            with self._explained():
                response = stack.enter_context(self._get(session, offset, version))
            self._check_status(response.status_code)
            starts_at, size = _extent(response)
            name = last_part(urlsplit(response.url).path)
            found = Found(name, size, _modified_at(response), _version(response))
            yield Reading(found, starts_at, self._chunks(response))

    def _check_address(self) -> None:
        parts = urlsplit(self.request.source)
        if not parts.hostname or not parts.path.strip("/"):
            raise UsageError(f"{self.label}: write https://host/path/to/copy")
        if not is_private(parts.scheme, parts.hostname):
            raise UsageError(f"{self.label}: http is not encrypted; use https, or sftp")

    def _get(self, session: Session, offset: int, version: str | None) -> Response:
        bypass_proxy_for_this_machine()
        trusted = ssl.get_default_verify_paths()  # SSL_CERT_FILE, or what the system trusts
        headers = {"Accept-Encoding": "identity"}
        if offset and version:
            headers |= {"Range": f"bytes={offset}-", "If-Range": version}
        return session.get(
            self._url(),
            headers=headers,
            auth=self._authorize(),
            verify=trusted.cafile or trusted.capath or True,
            timeout=self.stall_seconds,
            stream=True,
        )

    def _url(self) -> str:
        return self.request.source

    def _authorize(self) -> "partial[PreparedRequest] | None":
        """Return what goes before a user and password in the address, and before ~/.netrc."""
        value = setting(self._access)
        return partial(_with_header, value) if value else None

    def _chunks(self, response: Response) -> Iterator[bytes]:
        with self._explained():
            # As it arrives: waiting for a full chunk would look like a dead link on a slow one.
            while chunk := response.raw.read1(CHUNK, decode_content=False):
                yield chunk

    def _check_status(self, status: int) -> None:
        if status in (200, 206):
            return
        if status == 416:  # it is shorter by now
            raise SourceChanged("the copy was replaced while it was read")
        if status in LATER:
            raise Interrupted(f"the server can't answer now (HTTP {status})")
        advice = {
            401: f"the server asks who you are; set {self._access}",
            403: f"the server refuses access; check {self._access}",
            404: "there is no such file on the server; check the address",
            410: "the file is no longer on the server",
        }.get(status, "the server gives no file")
        raise SourceError(f"{advice} (HTTP {status})")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the libraries' errors into ours, which show no address in full."""
        try:
            yield
        except (RequestException, HTTPError, ValueError) as error:
            raise self._explanation(error, str(error)) from None

    def _explanation(self, error: Exception, text: str) -> SourceError:
        if reason := re.search(r"certificate verify failed: ([^(]+)", text):
            return SourceError(
                f"the server's certificate can't be trusted ({reason[1].strip()}); "
                "name the file of its authority in SSL_CERT_FILE if it is your own"
            )
        if isinstance(error, ValueError | exceptions.TooManyRedirects):
            kind = type(error).__name__
            return SourceError(f"the address leads nowhere ({kind}); check it and {self._access}")
        if "timed out" in text:
            return Interrupted(f"nothing arrived for {self.stall_seconds:g} seconds")
        if reason := re.search(r"\[Errno -?\d+\] ([\w ]+)", text):
            return Interrupted(f"the server can't be reached ({reason[1]})")
        return Interrupted(f"the link broke ({type(error).__name__})")


class S3Source(WebSource):
    """An object in a bucket: a file of the web, at an address that is signed for each request.

    Keys, region and endpoint are the usual `AWS_…` variables.
    """

    def _check_address(self) -> None:
        self._access = S3_SETTINGS
        parts = urlsplit(self.request.source)
        self._bucket, self._key = parts.netloc, unquote(parts.path.lstrip("/"))
        if not self._bucket or "@" in self._bucket or not self._key:
            raise UsageError(f"{self.label}: write s3://bucket/key; keys go into AWS_… variables")
        endpoint_is_local()

    def _url(self) -> str:
        bypass_proxy_for_this_machine()
        try:
            store = S3Store(self._bucket, client_options={"allow_http": endpoint_is_local()})
            return obstore.sign(store, "GET", self._key, timedelta(hours=12))
        except BaseException as error:  # the library's own failures aren't even Exceptions
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise SourceError(f"no request can be signed; check {self._access}") from None

    def _authorize(self) -> "partial[PreparedRequest]":
        return partial(_with_header, "")


class _Session(Session):
    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Follow no redirect to where others read; the token stays with the first server."""
        parts = urlsplit(prepared_request.url or "")
        if not is_private(str(parts.scheme), str(parts.hostname)):
            raise SourceError("the server redirects to http, which isn't encrypted")
        super().rebuild_auth(prepared_request, response)


def _with_header(value: str, request: PreparedRequest) -> PreparedRequest:
    if value:
        request.prepare_headers({**request.headers, "Authorization": value})
    return request


def _extent(response: Response) -> tuple[int, int | None]:
    """Return where the answer begins in the file, and the file's length if it is known."""
    if response.status_code == 206:
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        return (int(part[1]), int(part[2])) if part else (-1, None)
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


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
