"""Showing the built site on this machine."""

import gzip
import io
from functools import lru_cache, partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from ethelred_runner import console
from ethelred_runner.errors import ReportFailed, UsageError
from ethelred_runner.report import base_path_of, target_of

# What is compressed already (pictures, fonts, Parquet) would only take time.
WORTH_COMPRESSING = {
    *(".html", ".js", ".css", ".json", ".svg", ".csv", ".arrow", ".wasm", ".webmanifest"),
}
A_YEAR = 365 * 24 * 60 * 60


@lru_cache(maxsize=256)
def compressed(path: Path, changed_at: int) -> bytes:
    """Return a file's content, compressed; it is kept until the file changes."""
    return gzip.compress(path.read_bytes(), compresslevel=6, mtime=0)


class SiteHandler(SimpleHTTPRequestHandler):
    """Serves a folder under the path that the site was built for."""

    base_path = ""

    def translate_path(self, path: str) -> str:
        """Return the file of a requested path; outside the site's path there is none."""
        if not path.startswith(f"{self.base_path}/"):
            return str(Path(self.directory) / "no-such-file")
        return super().translate_path(path.removeprefix(self.base_path))

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Answer with a file compressed, where that is worth it and the reader can take it."""
        path = Path(self.translate_path(self.path))
        if path.is_dir() and self.path.partition("?")[0].endswith("/"):
            path /= "index.html"
        accepted = "gzip" in self.headers.get("Accept-Encoding", "")
        if not (accepted and path.suffix in WORTH_COMPRESSING and path.is_file()):
            return super().send_head()
        content = compressed(path, path.stat().st_mtime_ns)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)

    def end_headers(self) -> None:
        """Let a browser keep the files whose names change with their content."""
        forever = "/_app/immutable/" in self.path
        kept = f"public, max-age={A_YEAR}, immutable" if forever else "no-cache"
        self.send_header("Cache-Control", kept)
        self.send_header("Vary", "Accept-Encoding")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing of the requests that went well."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a missing page with the site's own."""
        page = Path(self.directory) / "404.html"
        if code != 404 or not page.is_file():
            super().send_error(code, message, explain)
            return
        content = page.read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def site_server(site: Path, port: int) -> ThreadingHTTPServer:
    """Return a server, not yet running, for the site on this machine's loopback address.

    Raises ReportFailed if there is no site, UsageError if the port is taken.
    """
    if not (site / "index.html").is_file():
        raise ReportFailed(f"there is no site in {site}; build it first: ethelred report")
    handler = type("Handler", (SiteHandler,), {"base_path": base_path_of(site)})
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(handler, directory=str(site)))
    except OSError as error:
        raise UsageError(f"port {port} can't be used: {error.strerror}; try --port") from error


def serve(site: Path, port: int) -> None:
    """Serve the site until it is interrupted."""
    site = target_of(site)
    with site_server(site, port) as server:
        console.say(
            f"the site is at http://127.0.0.1:{server.server_port}{base_path_of(site)}/"
            " (Ctrl-C ends it)"
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.note("ended")
