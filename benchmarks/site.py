"""What the site costs: python -m benchmarks.report [--years 1 5 20] [--platforms 1 3 10].

For each size it makes a datastore, builds the site in full and again with other figures, and looks
at it in Chromium over loopback: bytes received and what they are, time to the first chart, time
to a filtered chart (all days, of which the overview has to fetch the older ones).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
from playwright.sync_api import Page, sync_playwright

from ethelred_runner.report.serve import site_server

PROGRAM = Path(sys.executable).with_name("ethelred")
HEADER = """\
| years | platforms | full: s, CPU s, GB | nightly: s, CPU s, GB \
| overview MB | chart s | all days s | platform MB | chart s | all days s |
|---|---|---|---|---|---|---|---|---|---|"""
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
    "collection_nights": "day",
    "day_notes": "day",
    "logins_per_period": "starts_on",
}


KINDS = {
    ".js": "scripts",
    ".css": "styles",
    ".woff2": "typeface",
    ".arrow": "figures",
    ".csv": "figures",
    ".json": "figures",
    "": "page",
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

    weight: dict[str, float]  # MB of each kind of file, and of the largest script
    to_chart: float
    to_filtered: float

    def __str__(self) -> str:
        """Return it as cells of the table."""
        weight = sum(self.weight.values())
        return f"{weight:.2f} | {self.to_chart:.1f} | {self.to_filtered:.1f}"


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
        for table in ("platform_headlines", "unusual_days", "rejected_by_reason"):
            name = ", platform_name || p as platform_name" if table == "platform_headlines" else ""
            connection.execute(
                f"create or replace table {table} as"
                f" select o.* replace ('platform_' || p as platform{name})"
                f" from {table} as o, range({platforms}) as ps (p) where platform = 'opencodelists'"
            )
        connection.execute(
            "update platform_headlines set first_day ="
            " (select min(day) from logins_timeseries where platform = 'platform_0')"
        )
        # It compares the marts with the history, which was not grown.
        connection.execute(
            "create or replace view missing_figures as"
            " select null as platform, null as mart where false"
        )


def a_day_more(path: Path) -> None:
    """Change what the last day shows."""
    with closing(duckdb.connect(path)) as connection:
        connection.execute("update logins_timeseries set logins = logins + 1")


def look(site: Path) -> list[View]:
    """Return what the overview and the page of a platform take in a browser."""
    with site_server(site, 0) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        address = f"http://127.0.0.1:{server.server_port}"
        views = [
            view(chromium.new_page(), f"{address}{path}")
            for path in ("/", "/platforms/platform_0/")
        ]
        chromium.close()
        server.shutdown()
    return views


def view(page: Page, url: str) -> View:
    """Open a page in a fresh browser, and choose all days."""
    names: dict[str, str] = {}
    sizes: dict[str, float] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on(
        "Network.requestWillBeSent", lambda e: names.update({e["requestId"]: e["request"]["url"]})
    )
    session.on(
        "Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]})
    )
    started = time.monotonic()
    page.goto(url)
    page.locator("canvas").first.wait_for()
    to_chart = time.monotonic() - started
    page.wait_for_load_state("networkidle")
    weight = weighed({names[request]: size for request, size in sizes.items()})
    started = time.monotonic()
    page.get_by_role("button", name="All", exact=True).click()
    # The first day, in the field and over the chart, tells that what was fetched is shown.
    first = page.get_by_label("From", exact=True).input_value()
    page.get_by_test_id("range").first.filter(has_text=f" {first[:4]} to ").wait_for()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    return View(weight, to_chart, time.monotonic() - started)


def weighed(sizes: dict[str, float]) -> dict[str, float]:
    """Return the megabytes of each kind of file; the largest script is that of the charts."""
    weight: defaultdict[str, float] = defaultdict(float)
    scripts = [url for url in sizes if url.endswith(".js")]
    charts = max(scripts, key=sizes.__getitem__)
    for url, size in sizes.items():
        kind = KINDS.get(Path(urlsplit(url).path).suffix, "pictures")
        weight["charts' library" if url == charts else kind] += size / 1e6
    return weight


def main() -> None:
    """Print a line of the table for each size, and what the last one's weight is made of."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datastore", type=Path, help="the demo's: ethelred demo --no-report")
    parser.add_argument("--years", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--platforms", type=int, nargs="+", default=[1, 3, 10])
    given = parser.parse_args()
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        site, path = Path(folder) / "site", Path(folder) / "ethelred.duckdb"
        for years in given.years:
            for platforms in given.platforms:
                grow(given.datastore, path, years, platforms)
                full = built(path, site)
                a_day_more(path)
                nightly = built(path, site)
                views = look(site)
                cells = " | ".join(map(str, (years, platforms, full, nightly, *views)))
                print(f"| {cells} |", flush=True)
        for name, page in zip(("overview", "platform"), views, strict=True):
            parts = ", ".join(
                f"{kind} {size:.3f}"
                for kind, size in sorted(page.weight.items(), key=lambda one: -one[1])
            )
            print(f"MB of the last {name}: {parts}")


if __name__ == "__main__":
    main()
