"""What the site costs: python -m benchmarks.site DATASTORE [--years 1 10] [--platforms 1 10].

For each size it makes a datastore, builds the site, and opens the overview and a platform's page in
Chromium, over a line of 1.6 Mbit/s and 150 ms with a processor four times slower: requests and
bytes, compressed; seconds to the first figure and to the first chart; the number of elements.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
from playwright.sync_api import Browser, sync_playwright

PROGRAM = Path(sys.executable).with_name("ethelred")
HEADER = """\
| years | platforms | build: s, CPU s, GB | files, MB | page | requests, KB | figure s | chart s \
| elements |
|---|---|---|---|---|---|---|---|---|"""
SLOW = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 750e3 / 8,
}
SLOWER = 4  # than this machine's processor
SEEN = """
    selector => new Promise(done => {
        const look = () => {
            const element = document.querySelector(selector);
            if (element && element.getBoundingClientRect().height) done(performance.now() / 1000);
            else requestAnimationFrame(look);
        };
        look();
    })
"""
# From the marts of a built datastore to those of the wanted size: the same days, shifted.
GROWN = """
    create or replace table {table} as
    select original.* replace (
        'platform_' || p as platform, cast({day} - to_days(y * 364) as date) as {day}{varied}
    )
    from {table} as original, range({platforms}) as ps (p), range({years}) as ys (y)
    where original.platform = 'opencodelists'
    and {day} > (select max({day}) - 364 from {table})
"""
# Else all platforms and years were the same, and would compress to nearly nothing.
VARIED = ", cast(logins * (50 + hash(p, y, {day}) % 100) / 100 as bigint) as logins"
DAYS = {
    "logins_timeseries": "day",
    "active_users_per_day": "day",
    "collection_days": "day",
    "day_notes": "day",
    "logins_per_period": "starts_on",
}


@dataclass(frozen=True)
class Cost:
    """What a step took."""

    wall: float
    cpu: float
    memory: float  # GB, the largest process

    def __str__(self) -> str:
        """Return it as a cell of the table."""
        return f"{self.wall:.0f}, {self.cpu:.0f}, {self.memory:.1f}"


@dataclass(frozen=True)
class View:
    """What a reader's browser took for a page."""

    requests: int
    kilobytes: float
    to_figure: float
    to_chart: float
    elements: int

    def __str__(self) -> str:
        """Return it as cells of the table."""
        return (
            f"{self.requests}, {self.kilobytes:.0f} | {self.to_figure:.1f} | {self.to_chart:.1f}"
            f" | {self.elements}"
        )


class Packed(SimpleHTTPRequestHandler):
    """Sends files compressed, as hosts of static sites do."""

    def do_GET(self) -> None:
        """Answer with a file."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        content = gzip.compress(path.read_bytes(), 6)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing of each request."""


def built(datastore: Path, site: Path) -> Cost:
    """Build the site as a user does, and tell what it took with all its programs."""
    command = [str(PROGRAM), "report", "--datastore", str(datastore), "--site", str(site)]
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the report failed with {process.returncode}")
    return Cost(time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20)


def grow(original: Path, path: Path, years: int, platforms: int) -> None:
    """Make a datastore whose marts have so many years and platforms."""
    shutil.copyfile(original, path)
    with closing(duckdb.connect(path)) as connection:
        for table, day in DAYS.items():
            columns = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
            varied = VARIED.format(day=day) if "logins" in columns else ""
            connection.execute(
                GROWN.format(table=table, day=day, years=years, platforms=platforms, varied=varied)
            )
        for table in (
            "months_compared",
            "platform_headlines",
            "rejected_by_reason",
            "unusual_days",
        ):
            name = ", platform_name || p as platform_name" if table == "platform_headlines" else ""
            connection.execute(
                f"create or replace table {table} as"
                f" select o.* replace ('platform_' || p as platform{name})"
                f" from {table} as o, range({platforms}) as ps (p) where platform = 'opencodelists'"
            )
        connection.execute(
            "update platform_headlines set first_login_on = first_day, first_copy_on = first_day"
            " from (select min(day) as first_day from logins_timeseries)"
        )
        # It compares the marts with the history, which was not grown.
        connection.execute(
            "create or replace view report_blockers as"
            " select null as platform, null as model where false"
        )


def look(site: Path) -> dict[str, View]:
    """Return what the overview and the page of a platform take in a browser."""

    def handler(*given: object) -> Packed:
        return Packed(*given, directory=str(site))  # type: ignore[arg-type]

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        address = f"http://127.0.0.1:{server.server_port}"
        views = {
            "overview": view(chromium, f"{address}/"),
            "platform": view(chromium, f"{address}/platforms/platform_0/"),
        }
        chromium.close()
        server.shutdown()
    return views


def view(chromium: Browser, url: str) -> View:
    """Open a page in a fresh browser on a slow line."""
    page = chromium.new_page()
    sizes: list[float] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(url, wait_until="commit")
    to_figure = page.evaluate(SEEN, "dl.figures data")
    to_chart = page.evaluate(SEEN, "svg.chart .bar")
    page.wait_for_load_state("networkidle")
    elements = page.locator("*").count()
    page.close()
    return View(len(sizes), sum(sizes) / 1000, to_figure, to_chart, elements)


def main() -> None:
    """Print lines of the table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datastore", type=Path, help="the demo's: ethelred demo --no-report")
    parser.add_argument("--years", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--platforms", type=int, nargs="+", default=[1, 10])
    given = parser.parse_args()
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        site, path = Path(folder) / "site", Path(folder) / "ethelred.duckdb"
        for years in given.years:
            for platforms in given.platforms:
                grow(given.datastore, path, years, platforms)
                cost = built(path, site)
                files = [file for file in site.rglob("*.*") if file.parent.name != "dbt"]
                size = sum(file.stat().st_size for file in files) / 1e6
                for name, found in look(site).items():
                    cells = f"{years} | {platforms} | {cost} | {len(files)}, {size:.1f} | {name}"
                    print(f"| {cells} | {found} |", flush=True)


if __name__ == "__main__":
    main()
