"""Small real HTTP servers: one keeps issues as GitHub does, and one receives heartbeats."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "/repos/somebody/logins"
BOT = "github-actions[bot]"


@dataclass
class Request:
    """A request to a server."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Service:
    """A server that records its requests, and answers with `status`."""

    status: int = 200
    content: bytes | None = None  # sent instead of JSON, under the type of JSON
    url: str = ""
    seen: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, Any]:
        """Return a status, and bytes or a value to send as JSON; of a redirect, the address."""
        return self.status, "OK"

    def asked(self) -> list[str]:
        """Return and forget the methods and paths of the requests."""
        found = [f"{request.method} {request.path}" for request in self.seen]
        self.seen.clear()
        return found


@dataclass
class GitHub(Service):
    """The parts of GitHub's API that Ethelred uses, for one repository."""

    issues: list[dict[str, Any]] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    enabled: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, Any]:
        """Answer as GitHub does."""
        if request.headers.get("authorization") != "Bearer the-token-of-this-run":
            return 401, {"message": "Bad credentials"}
        if self.status != 200:
            return self.status, {"message": "out of order"}
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match request.method, parts.path.removeprefix(REPOSITORY).split("/")[1:]:
            case "GET", ["issues"]:
                return 200, [one for one in self.issues if matches(one, query)]
            case "POST", ["issues"]:
                number = len(self.issues) + 1
                self.issues.append(request.body | {"number": number, "state": "open"})
                self.issues[-1]["user"] = {"login": BOT}
                return 201, self.issues[-1]
            case "POST", ["issues", number, "comments"]:
                self.comments.append((int(number), request.body["body"]))
                return 201, {}
            case "POST", ["issues", number, "assignees"]:
                self.issues[int(number) - 1] |= request.body
                return 201, self.issues[int(number) - 1]
            case "PATCH", ["issues", number]:
                self.issues[int(number) - 1] |= request.body
                return 200, self.issues[int(number) - 1]
            case "PUT", ["actions", "workflows", workflow, "enable"]:
                self.enabled.append(workflow)
                return 204, None
        return 404, {"message": "Not Found"}


def matches(issue: dict[str, Any], query: dict[str, str]) -> bool:
    """Return whether an issue matches a request."""
    assert set(query) == {"state", "creator", "per_page"}
    return (issue["state"], issue["user"]["login"]) == (query["state"], query["creator"])


@contextmanager
def served(
    service: Service, certificate: Path | None = None, outage: float = 0.0
) -> Iterator[None]:
    """Serve a service at an address of this machine, over TLS if it has a certificate.

    For the seconds of an outage it refuses connections.
    """

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            service.seen.append(request)
            status, content = service.answer(request)
            if not isinstance(content, bytes):
                content = service.content or json.dumps(content).encode()
            answer = b"" if status == 204 else content
            self.send_response(status)
            if status == 302:
                self.send_header("Location", answer.decode())
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = do_PUT = reply  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    def serve() -> None:
        if outage:
            time.sleep(outage)
            server.server_activate()
        server.serve_forever(0.02)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False) as server:
        server.server_bind()
        if not outage:
            server.server_activate()
        service.url = f"http://127.0.0.1:{server.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            service.url = f"https://localhost:{server.server_port}"
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
