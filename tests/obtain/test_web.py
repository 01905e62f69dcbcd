"""HTTPS and HTTP from a real server that cuts, stalls, ignores ranges, changes and redirects."""

import http.server
import logging
import os
import re
import ssl
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from rich.console import Console

from ethelred_runner import console
from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.obtain.copy_requests import CopyRequest, requests_for
from ethelred_runner.obtain.obtain import check_sources
from ethelred_runner.obtain.source import Source
from tests.support.copies import USERS, Get, obtain_one
from tests.support.program import PROGRAM
from tests.support.servers import free_port, needed

NAME = "/backups/2026-03-30-db.sqlite3.zst"
MODIFIED = 1774836001


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the server's body. The server's plan has the fault of each request."""

    protocol_version = "HTTP/1.1"
    server: "Web"

    def do_CONNECT(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.path.endswith(".sha256"):  # requested after each copy
            self._answer(404, {"Content-Length": "0"}, b"", {})
            return
        number = len(self.server.seen)
        self.server.seen.append(dict(self.headers))
        plan = self.server.plan[number] if number < len(self.server.plan) else {}
        if change := plan.get("change"):
            change()
        if head := plan.get("drips"):
            self._drip(head)
        if status := plan.get("status"):
            headers = plan.get("headers", {"Content-Length": "0"})
            self._answer(status, headers, plan.get("body", b""), plan)
            return
        body, etag = self.server.body, self.server.etag
        headers = {"Last-Modified": self.server.modified} if self.server.dated else {}
        headers |= {"ETag": etag} if etag else {}
        start, wanted = 0, self.headers.get("Range")
        unchanged = self.headers.get("If-Range") in (etag, headers.get("Last-Modified"))
        if wanted and (unchanged or plan.get("careless")) and self.server.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        if self.server.sized:
            headers["Content-Length"] = str(len(body) - start)
        self._answer(206 if start else 200, headers, body[start:], plan)

    def _drip(self, head: bytes) -> None:
        for byte in iter(lambda: head, b""):
            if self.server.ended.wait(0.1):
                return
            self.wfile.write(byte)

    def _answer(self, status: int, headers: dict[str, str], body: bytes, plan: dict) -> None:  # type: ignore[type-arg]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        end = plan.get("cut", plan.get("stall", len(body)))
        for start in range(0, end, piece := plan.get("piece", end or 1)):
            self.wfile.write(body[start : min(start + piece, end)])
            time.sleep(plan.get("pause", 0))
        if "stall" in plan:
            self.server.ended.wait(20)
        if "cut" in plan or "stall" in plan:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


class Web(http.server.ThreadingHTTPServer):
    def __init__(self, body: bytes, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.body, self.etag, self.ranges, self.dated = body, '"one"', True, True
        self.sized, self.modified = True, formatdate(MODIFIED, usegmt=True)
        self.plan: list[dict] = []  # type: ignore[type-arg]
        self.seen: list[dict[str, str]] = []
        self.ended = threading.Event()
        self.scheme = "http"

    def url(self, path: str = NAME, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.server_port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # the tests make clients hang up


@contextmanager
def serving(web: Web) -> Iterator[Web]:
    thread = threading.Thread(target=web.serve_forever, args=[0.05])
    thread.start()
    try:
        yield web
    finally:
        web.ended.set()
        web.shutdown()
        thread.join()
        web.server_close()


@pytest.fixture
def web(big: Path) -> Iterator[Web]:
    with serving(Web(big.read_bytes())) as web:
        yield web


def part(header: str) -> dict[str, object]:
    return {"status": 206, "headers": {"Content-Range": header, "Content-Length": "0"}}


@pytest.mark.parametrize(
    ("etag", "dated", "answer", "starts"),
    [
        ('"one"', True, {"cut": 1_000_000}, [2_000_000, 3_000_000]),
        ('W/"weak"', True, {"cut": 1_000_000}, [2_000_000, 3_000_000]),
        ("", True, {"cut": 1_000_000}, [2_000_000, 3_000_000]),
        ("", False, {}, [None, None]),
        ('"one"', True, part("bytes 0-9/10"), [2_000_000, None]),
        ('"one"', True, part("bytes 2000001-6/7"), [2_000_000, None]),
        ('"one"', True, part("nonsense"), [2_000_000, None]),
        ('"one"', True, part(""), [2_000_000, None]),
        ('"one"', True, {"status": 200, "headers": {"Content-Length": "²"}}, [2_000_000, None]),
    ],
)
def test_a_cut_connection_is_resumed_and_never_stitched(
    etag: str,
    dated: bool,
    answer: dict[str, object],
    starts: list[int | None],
    web: Web,
    get: Get,
    big: Path,
) -> None:
    web.etag, web.dated, web.plan = etag, dated, [{"cut": 2_000_000}, answer]
    copy = get(web.url())
    assert copy.content_sha256 == get(big).content_sha256
    assert (copy.modified_at is not None) == dated
    expected = [None, *(start and f"bytes={start}-" for start in starts)]
    assert [seen.get("Range") for seen in web.seen] == expected


def test_a_server_that_ignores_ranges_and_always_cuts_is_given_up(web: Web, get: Get) -> None:
    web.ranges, web.plan = False, [{"cut": 2_000_000}] * 50
    with pytest.raises(SourceError, match=r"tried 5 times"):
        get(web.url())


@pytest.mark.parametrize(
    ("before", "etag"), [('"one"', '"two"'), ('"one"', ""), ('W/"one"', 'W/"two"')]
)
def test_a_server_that_heeds_ranges_alone_is_never_stitched(
    web: Web, get: Get, big: Path, before: str, etag: str
) -> None:
    """The server sends the rest of another copy (O1)."""
    first, other = big.read_bytes(), bytearray(big.read_bytes())
    other[3_000_000] ^= 1

    def change() -> None:
        web.body, web.etag = bytes(other), etag

    def change_back() -> None:
        web.body, web.etag = first, '"three"'

    web.etag = before
    web.plan = [{"cut": 2_000_000}, {"change": change, "careless": True}, {"change": change_back}]
    assert get(web.url()).content_sha256 == get(big).content_sha256
    assert [seen.get("Range") for seen in web.seen] == [None, "bytes=2000000-", None]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_no_proxy_carries_what_is_for_this_machine(
    name: str, web: Web, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("no_proxy", "elsewhere.example")
    assert get(web.url()).name == Path(NAME).name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon Mar 30 02:00:01 2026", datetime(2026, 3, 30, 2, 0, 1, tzinfo=UTC)),
        ("Mon, 30 Mar 2026 02:00:01 -0000", datetime(2026, 3, 30, 2, 0, 1, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Mon, 30 Mar 99999 02:00:01 GMT", None),
        ("yesterday", None),
    ],
)
def test_a_time_without_a_zone_is_in_utc_and_one_that_cannot_be_meant_is_none(
    text: str, expected: datetime | None, web: Web, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    web.modified = text
    assert get(web.url()).modified_at == expected
    monkeypatch.undo()
    time.tzset()


def test_a_link_that_drips_is_given_up(web: Web, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Source, "slow_seconds", 0.5)
    monkeypatch.setattr(Source, "retries", 2)
    web.plan = [{"piece": 1, "pause": 0.05, "stall": 100}] * 50
    with pytest.raises(SourceError, match=r"fewer than 1,000 bytes a second arrive \(tried 3"):
        get(web.url())


@pytest.mark.parametrize("drip", [b"x", b"x\r\n", b"HTTP/1.0 200 OK\r\nX: y\r\n"])
def test_a_head_that_drips_is_given_up_by_check_too(drip: bytes, web: Web) -> None:
    web.plan = [{"drips": drip}]
    with pytest.raises(SourceError, match="the server can't be reached"):
        check_sources([CopyRequest(web.url(), USERS)])


@pytest.mark.parametrize(
    ("name", "value", "drip"),
    [("Content-Length", "99999", b"x"), ("Transfer-Encoding", "chunked", b"1\r\nx\r\n")],
)
def test_a_redirect_whose_body_drips_is_followed_at_once(
    name: str, value: str, drip: bytes, web: Web
) -> None:
    drips = {"body": drip * 50, "piece": len(drip), "pause": 0.2}
    web.plan = [{"status": 302, "headers": {"Location": NAME, name: value}, **drips}] * 2
    began = time.monotonic()
    check_sources([CopyRequest(web.url(), USERS)])
    assert len(web.seen) == 3
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("wait", ["a date", "1", 400 * "9"])
def test_a_server_says_when_to_ask_again(
    wait: str,
    web: Web,
    get: Get,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ethelred_runner.obtain.web.LONGEST_WAIT", 2.0)
    wait = wait.replace("a date", formatdate(time.time() + 2, usegmt=True))
    web.plan = [{"status": 429, "headers": {"Retry-After": wait, "Content-Length": "0"}}]
    get(web.url())
    assert re.search(r"\(HTTP 429\); trying again in [12] s", capfd.readouterr().err)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (407, r"https_proxy .*refuses the connection \(407 [\w ]+\); check it"),
        (403, r"https_proxy .*refuses the connection \(403 [\w ]+\); check it"),
        (None, r"https_proxy .*can't be reached: Connection refused \(tried 5 times"),
    ],
)
def test_a_proxy_that_refuses_is_named(
    status: int | None, words: str, web: Web, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.plan = [{"status": status, "headers": {"Content-Length": "0"}}] * 9
    port = web.server_port if status else free_port()
    monkeypatch.setenv("https_proxy", f"http://me:hunter2-secret@127.0.0.1:{port}")
    with pytest.raises(SourceError, match=words) as caught:
        get("https://backups.example/copy")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "http:///"])
def test_a_proxy_that_cannot_be_used_is_named(
    proxy: str, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    with pytest.raises(SourceError, match=r"that all_proxy, .* can't be used; write http"):
        get("https://backups.example/copy")


def test_a_server_that_stalls_is_noticed(web: Web, get: Get, big: Path) -> None:
    web.plan = [{"stall": 3_000_000}]
    began = time.monotonic()
    assert get(web.url()).content_sha256 == get(big).content_sha256
    assert time.monotonic() - began < 10
    assert web.seen[1]["Range"] == "bytes=3000000-"


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "ETHELRED_HTTP_AUTHORIZATION"), (404, "check the address"), (203, "check the address")],
)
def test_a_refusal_is_said_at_once(web: Web, get: Get, status: int, words: str) -> None:
    web.plan = [{"status": 503}, {"status": status}]  # a busy server is tried again
    with pytest.raises(SourceError, match=words):
        get(web.url())
    assert len(web.seen) == 2


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown(
    terminal: bool,
    web: Web,
    get: Get,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    notices = Console(stderr=True, force_terminal=terminal, width=120)
    monkeypatch.setattr(console, "notices", notices)
    monkeypatch.setattr(console, "SECONDS_BETWEEN_LINES", 0.0)
    web.plan = [{"piece": 1_000_000, "pause": 0.15}]
    get(web.url())
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capfd.readouterr().err)
    expected = r"[2-6]\.\d/6\.\d MB .*MB/s .*0:00:0\d" if terminal else r": 6\.\d MB of .*\(100%\)"
    assert re.search(rf"2026-03-30-db.sqlite3.zst.*{expected}", shown)
    assert "obtained 2026-03-30-db.sqlite3.zst" in shown


def test_authorization_is_sent_and_dropped_when_another_host_is_named(
    web: Web, get: Get, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHELRED_HTTP_AUTHORIZATION", "Bearer hunter2-secret")
    with serving(Web(big.read_bytes())) as other:
        here = {"Location": web.url("/here"), "Content-Length": "0"}
        away = {"Location": other.url(host="localhost"), "Content-Length": "0"}
        web.plan = [{"status": 302, "headers": here}, {"status": 302, "headers": away}]
        get(web.url())
        assert [seen.get("Authorization") for seen in web.seen] == ["Bearer hunter2-secret"] * 2
        assert "Authorization" not in other.seen[0]


@pytest.mark.parametrize(
    ("platform", "settings", "sent"),
    [
        ("opencodelists", {"": "mine"}, "mine"),
        ("other", {"": "mine"}, None),
        ("other", {"": "mine", "_OTHER": "theirs"}, "theirs"),
        ("opencodelists", {"_OTHER": "theirs"}, None),
    ],
)
def test_each_platform_has_its_own_token(
    platform: str,
    settings: dict[str, str],
    sent: str | None,
    web: Web,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    header = "platform,platform_name,users_table,login_column\n"
    rows = [f"{name},{name},opencodelists_user,last_login\n" for name in ("opencodelists", "other")]
    (tmp_path / "platforms.csv").write_text(header + "".join(rows))
    monkeypatch.setenv("ETHELRED_SEEDS", str(tmp_path))
    for end, value in settings.items():
        monkeypatch.setenv(f"ETHELRED_HTTP_AUTHORIZATION{end}", value)
    (request,) = requests_for([f"{platform}={web.url()}"], "opencodelists", None)
    obtain_one(request, folder)
    assert web.seen[0].get("Authorization") == sent


@pytest.mark.parametrize("text", ["Bearer “x”", "\ufeffBearer x", "Bearer x\nBearer y", "a\0"])
def test_a_token_that_no_header_can_hold_is_named(
    text: str, web: Web, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHELRED_HTTP_AUTHORIZATION", "Bearer naïve\ttoken\n")
    get(web.url())
    monkeypatch.setattr("os.environ", {**os.environ, "ETHELRED_HTTP_AUTHORIZATION": text})
    with pytest.raises(UsageError, match="ETHELRED_HTTP_AUTHORIZATION is no header; remove") as it:
        get(web.url())
    assert "x" not in str(it.value)


@pytest.mark.parametrize("where", ["address", "netrc"])
def test_a_user_and_password_are_sent(where: str, web: Web, get: Get) -> None:
    (Path.home() / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    url = web.url().replace("//", "//me:secret@") if where == "address" else web.url()
    get(url)
    assert web.seen[0]["Authorization"] == "Basic bWU6c2VjcmV0"


def test_no_secret_is_shown_not_even_when_everything_is_logged(
    web: Web,
    get: Get,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ETHELRED_HTTP_AUTHORIZATION", "Bearer hunter2-secret")
    url = web.url().replace("//", "//me:pass-secret@") + "?signature=query-secret"
    web.plan = [{"cut": 1000}, {}, {"status": 403}]
    copy = get(url)
    with pytest.raises(SourceError) as caught:
        get(url)
    shown = f"{copy} {caught.value} {caplog.text} {capfd.readouterr()}"
    shown += "".join(traceback.format_exception(caught.value))
    assert "(HTTP 403)" in shown
    for secret in ("hunter2", "pass-secret", "query-secret"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("command", "address"),
    [
        ("run --summary", "http://me:hunter2@127.0.0.1:{port}/copy?signature=hunter2#hunter2"),
        ("run --summary", "https:/me:hunter2@host/copy"),
        ("run --summary", "htps://me:[hunter2@host/copy?hunter2"),
        ("check --site", "http://me:hunter2@127.0.0.1:{port}/copy?signature=hunter2#hunter2"),
        ("check --site", "sftp://me:hunter2@127.0.0.1:{port}/copy"),
        ("check --site", "sftp://me:hu?hunter2#/@127.0.0.1:{port}/copy"),
    ],
)
def test_no_output_and_no_summary_shows_a_secret_of_an_address(
    command: str, address: str, web: Web, tmp_path: Path
) -> None:
    web.plan = [{"status": 403}]
    written, datastore = tmp_path / "written", tmp_path / "datastore"
    command += f" {written} --datastore {datastore} --init {address.format(port=web.server_port)}"
    done = subprocess.run([PROGRAM, *command.split()], capture_output=True, text=True, check=False)
    shown = done.stdout + done.stderr + (written.read_text() if written.exists() else "")
    assert re.search("address|not SSH|HTTP 403|broke", shown)
    assert "hunter2" not in shown


def test_http_never_leaves_this_machine(web: Web, get: Get) -> None:
    with pytest.raises(UsageError, match="http is not encrypted"):
        get("http://backups.example/copy")
    elsewhere = {"Location": "http://backups.example/copy", "Content-Length": "0"}
    web.plan = [{"status": 302, "headers": elsewhere}]
    with pytest.raises(SourceError, match="redirects to http"):
        get(web.url())


def test_endless_redirects_are_given_up(web: Web, get: Get) -> None:
    web.plan = [{"status": 302, "headers": {"Location": NAME, "Content-Length": "0"}}] * 50
    with pytest.raises(SourceError, match=r"leads nowhere \(TooManyRedirects"):
        get(web.url())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key in the same file."""
    place = tmp_path_factory.mktemp("tls") / "server.pem"
    program = needed("openssl", "openssl")
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    command = [program, "req", *options.split(), "-addext", "subjectAltName=DNS:localhost"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE"]  # obstore wants it so
    command += ["-keyout", str(place), "-out", str(place)]
    subprocess.run(command, check=True, capture_output=True)
    return place


def encrypt(web: Web, certificate: Path) -> Web:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    web.socket = context.wrap_socket(web.socket, server_side=True)
    web.scheme = "https"
    return web


@pytest.fixture
def tls(web: Web, authority: Path) -> Web:
    return encrypt(web, authority)


def test_https_is_resumed_too(
    tls: Web, get: Get, big: Path, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    tls.plan = [{"cut": 2_000_000}]
    assert get(tls.url(host="localhost")).content_sha256 == get(big).content_sha256


@pytest.mark.parametrize(("days", "words"), [(-9, "has expired"), (9, "is not yet valid")])
def test_a_clock_or_certificate_that_is_out_of_date_is_named(
    days: int, words: str, web: Web, tmp_path: Path, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    start = datetime.now(UTC) + timedelta(days)
    subject = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, start, start + timedelta(1))
    signed = made.add_extension(subject, critical=True).sign(key, hashes.SHA256())
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    place = tmp_path / "server.pem"
    place.write_bytes(key.private_bytes(*form) + signed.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(place))
    encrypt(web, place)
    with pytest.raises(SourceError, match=f"certificate {words}; check this machine's clock"):
        get(web.url(host="localhost"))


@pytest.mark.parametrize(("host", "own"), [("localhost", False), ("127.0.0.1", True)])
def test_a_certificate_that_does_not_fit_is_refused(
    host: str, own: bool, tls: Web, get: Get, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if own:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with pytest.raises(SourceError, match=r"can't be trusted: certificate verify.*SSL_CERT_FILE"):
        get(tls.url(host=host))
    assert tls.seen == []
