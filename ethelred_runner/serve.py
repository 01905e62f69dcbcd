"""Showing the built site on this machine."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.errors import ReportFailed, UsageError
from ethelred_runner.report import base_path_of


class SiteHandler(SimpleHTTPRequestHandler):
    """Serves a folder under the path that the site was built for."""

    base_path = ""

    def translate_path(self, path: str) -> str:
        """Return the file of a requested path; outside the site's path there is none."""
        if not path.startswith(f"{self.base_path}/"):
            return str(Path(self.directory) / "no-such-file")
        return super().translate_path(path.removeprefix(self.base_path))

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
    with site_server(site, port) as server:
        console.say(
            f"the site is at http://127.0.0.1:{server.server_port}{base_path_of(site)}/"
            " (Ctrl-C ends it)"
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.note("ended")
