"""Serve the built site on this machine."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.errors import UsageError
from ethelred_runner.report.site import base_path_of

# The same as in each page (reports/evidence/adapter.js).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self'; manifest-src 'self'; base-uri 'none';"
    " form-action 'none'"
)


class SiteHandler(SimpleHTTPRequestHandler):
    """Serve a folder, and nothing outside it, under the path that the site was built for."""

    base_path = path = ""  # a malformed request has none

    def translate_path(self, path: str) -> str:
        """Return the file of a requested path, or a name that no file has."""
        root = Path(self.directory).resolve()
        try:
            file = super().translate_path(path.removeprefix(self.base_path))
            if path.startswith(f"{self.base_path}/") and Path(file).resolve().is_relative_to(root):
                return file
        except (OSError, ValueError, RuntimeError):  # too long, a NUL, a circular link
            pass
        return str(root / "no-such-file")

    def list_directory(self, path: object) -> None:
        """Answer that a folder without a page is missing."""
        self.send_error(404)

    def end_headers(self) -> None:
        """Disable caching, and set the policy of the site's pages."""
        self.send_header("Cache-Control", "no-cache")
        # The policy would block the inline scripts of dbt's page.
        if not self.path.startswith(f"{self.base_path}/dbt/"):
            self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing of each request."""


class SiteServer(ThreadingHTTPServer):
    """Serve requests in parallel, and ignore disconnected browsers."""

    def handle_error(self, *request: object) -> None:
        """Print a traceback, except for a closed connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*request)  # type: ignore[arg-type]


def site_server(site: Path, port: int) -> SiteServer:
    """Return a server, not yet running, for the site on this machine's loopback address.

    Raises ReportFailed if there is no site, UsageError if the port can't be used.
    """
    settings = {"base_path": base_path_of(site)}
    missing = site / "404.html"
    if missing.is_file():
        settings["error_message_format"] = missing.read_text(encoding="utf-8").replace("%", "%%")
    handler = partial(type("Handler", (SiteHandler,), settings), directory=str(site))
    try:
        return SiteServer(("127.0.0.1", port), handler)
    except (OSError, OverflowError) as error:
        raise UsageError(f"port {port} can't be used: {error}; try --port") from error


def serve(site: Path, port: int) -> None:
    """Serve the site until it is interrupted."""
    with site_server(site, port) as server:
        address = f"http://127.0.0.1:{server.server_port}{base_path_of(site)}/"
        console.say(f"the site is at {address} (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.note("ended")
