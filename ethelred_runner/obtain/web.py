"""A copy on a web server: `https://`, or `http://` on this machine."""

import logging
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import mktime_tz, parsedate_tz
from http.client import HTTPResponse
from math import ceil
from threading import Timer
from typing import Any
from urllib.parse import unquote, urlsplit

from requests import PreparedRequest, RequestException, Response, Session, TooManyRedirects
from requests.exceptions import ProxyError
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.network import bypass_proxy_for_this_machine, is_encrypted_or_local
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.source import CHUNK, RetryableError, Source, SourceChanged, SourceFile
from ethelred_runner.settings import setting

LONGEST_WAIT = 60.0  # seconds, whatever Retry-After asks for
REFUSAL = re.compile(rb"<Code>(\w{1,40})</Code>")  # S3's reason
SUSPECTS = {
    b"RequestTimeTooSkewed": "this machine's clock",
    b"ExpiredToken": "AWS_SESSION_TOKEN, which has expired",
    b"InvalidToken": "AWS_SESSION_TOKEN",
    b"AuthorizationHeaderMalformed": "AWS_REGION",
    b"AuthorizationQueryParametersError": "AWS_REGION",
    b"PermanentRedirect": "AWS_REGION and AWS_ENDPOINT_URL",
}
RETRY_STATUSES = (408, 425, 429, 500, 502, 503, 504)
# The part of a library's error that has no address in it.
REASON = re.compile(
    r"certificate verify failed: [^(]+|(?<=connection failed: )\d{3}[\w ]*|timed out|(?<=\] )[\w ]+"
)
PROXY = "the proxy that all_proxy, http_proxy or https_proxy names"
UNTRUSTED = "the server can't be trusted: {}; "
# Errors that no retry mends, by a pattern of the library's message.
FINAL = {
    "Tunnel connection failed": f"{PROXY} refuses the connection ({{}}); check it",
    "verify failed: certificate (has expired|is not yet valid)": f"{UNTRUSTED}check this machine's "
    "clock; if it is right, the server needs a new certificate",
    "certificate verify failed": f"{UNTRUSTED}if you have a certificate authority of your "
    "own, name its file in SSL_CERT_FILE",
}

logging.getLogger("urllib3.connectionpool").disabled = True  # it would log whole addresses


class WebSource(Source):
    """A file on a web server. Redirects are followed, and broken downloads resume.

    Certificates are always checked. `http` is accepted on this machine only: see network.py.
    """

    def __init__(self, request: CopyRequest) -> None:
        super().__init__(request)
        self._access = request.authorization_setting  # the setting to send, and to name in errors
        self._check_address()

    @contextmanager
    def open(self, offset: int, validators: tuple[str, ...]) -> Iterator[SourceFile]:
        """Request the file from byte `offset` on; raises as `Source.open` says."""
        bypass_proxy_for_this_machine()
        trusted = ssl.get_default_verify_paths()  # SSL_CERT_FILE, or the system's
        headers = {"Accept-Encoding": "identity"}
        if offset and validators:
            headers |= {"Range": f"bytes={offset}-", "If-Range": validators[0]}
        with _Session() as session:
            with _as_source_errors():
                response = session.get(
                    self._url(),
                    headers=headers,
                    auth=self._authorize if setting(self._access) else None,
                    verify=trusted.cafile or trusted.capath or True,
                    timeout=self.stall_seconds,
                    stream=True,
                )
            with response:
                self._check_status(response)
                yield _reading(response, self._chunks(response))

    def _check_address(self) -> None:
        parts = urlsplit(self.request.source)
        if not parts.hostname or not parts.path.strip("/") or parts.port == 0:
            raise UsageError(f"{self.label}: write https://host/path/to/copy")
        if not is_encrypted_or_local(parts.scheme, parts.hostname):
            raise UsageError(f"{self.label}: http is not encrypted; use https, or sftp")
        if not re.fullmatch(r"[\t -~\xa0-\xff]*", setting(self._access)):
            advice = "remove line ends, typographic quotes and invisible signs"
            raise UsageError(f"{self._access} is no header; {advice}")

    def _url(self) -> str:
        return self.request.source

    def _authorize(self, request: PreparedRequest) -> PreparedRequest:
        # Overrides ~/.netrc.
        request.headers["Authorization"] = setting(self._access)
        return request

    def _chunks(self, response: Response) -> Iterator[bytes]:
        with _as_source_errors():
            # `read1` returns what has arrived, so a slow connection needn't fill a chunk in time.
            while chunk := response.raw.read1(CHUNK, decode_content=False):
                yield chunk

    def _check_status(self, response: Response) -> None:
        if (status := response.status_code) in (200, 206):
            return
        if status == 416:  # the file ends before or at the offset
            raise SourceChanged("the copy was replaced while it was read")
        if status in RETRY_STATUSES:
            later = RetryableError(f"the server can't answer now (HTTP {status})")
            wait = response.headers.get("Retry-After", "")
            seconds = float(wait) if wait.isdecimal() else (_time_in(wait) or 0) - time.time()
            later.wait_seconds = max(ceil(min(seconds, LONGEST_WAIT)), 0)
            raise later
        with _as_source_errors():
            code = REFUSAL.search(response.raw.read1(CHUNK, decode_content=False))
        suspect = self._access if status in (401, 403) else "the address"
        suspect = SUSPECTS.get(code[1] if code else b"", suspect)
        raise SourceError(f"the server gives no file (HTTP {status}); check {suspect}")


@contextmanager
def _as_source_errors() -> Iterator[None]:
    """Translate the libraries' errors."""
    try:
        yield
    except (ValueError, TooManyRedirects) as error:
        kind = type(error).__name__
        if re.search("Proxy|InvalidSchema", kind):  # the address's own scheme is right
            raise SourceError(f"{PROXY} can't be used; write http://host:port") from None
        raise SourceError(f"the address leads nowhere ({kind}); check it") from None
    except (RequestException, HTTPError) as error:
        match = REASON.search(str(error))
        reason = match[0].strip() if match else type(error).__name__
        if final := next((FINAL[each] for each in FINAL if re.search(each, str(error))), None):
            raise SourceError(final.format(reason)) from None
        place = PROXY if isinstance(error, ProxyError) else "the server"
        raise RetryableError(f"{place} can't be reached: {reason}") from None


class _PromptResponse(HTTPResponse):
    """A response whose headers must all arrive within the timeout of a single read."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._socket, self._is_late = sock, False
        self._timer = Timer(sock.gettimeout() or 0, self._give_up)
        self._timer.daemon = True  # a signal may end `begin` before the timer is cancelled

    def begin(self) -> None:
        """Read the headers, and shut the connection if they come too slowly."""
        self._timer.start()
        try:
            super().begin()
        finally:
            self._timer.cancel()
            if self._is_late:  # http.client would go on with the headers so far, or name no cause
                raise TimeoutError("timed out")

    def _give_up(self) -> None:
        self._is_late = True
        self._socket.shutdown(socket.SHUT_RD)


HTTPConnection.response_class = _PromptResponse


class _Session(Session):
    def get_redirect_target(self, resp: Response) -> str | None:
        """Close a redirect's response, whose body may drip without end and would be read whole."""
        if target := super().get_redirect_target(resp):
            resp.close()
        return target

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Refuse redirects to unencrypted addresses, and send the token to no other server."""
        parts = urlsplit(prepared_request.url or "")
        if not is_encrypted_or_local(str(parts.scheme), str(parts.hostname)):
            raise SourceError("the server redirects to http, which isn't encrypted")
        super().rebuild_auth(prepared_request, response)


def _reading(response: Response, chunks: Iterator[bytes]) -> SourceFile:
    headers, path = response.headers, unquote(urlsplit(response.url).path)
    etag, modified = headers.get("ETag", "W/"), headers.get("Last-Modified", "")
    validators: tuple[str, ...] = (etag,)
    if etag.startswith("W/"):  # If-Range needs a strong ETag. A weak one may only be compared
        validators = (modified, etag) if modified else ()
    length = headers.get("Content-Length", "")
    offset, size = 0, int(length) if length.isdecimal() else None
    if response.status_code == 206:
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
        offset, size = (int(part[1]), int(part[2])) if part else (-1, None)
    return SourceFile(path, size, _time_in(modified), validators, offset, chunks)


def _time_in(header: str) -> float | None:
    with suppress(ValueError, OverflowError):  # no date, or one beyond the calendar
        parts = parsedate_tz(header)  # in UTC if it names no zone
        return mktime_tz(parts) if parts else None
    return None
