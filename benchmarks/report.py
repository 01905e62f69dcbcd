"""What the site costs: python -m benchmarks.report [--years 1 5 20] [--platforms 1 3 10].

For each size it makes a datastore, builds the site in full and again with a day more, and looks
at it in Chromium over loopback: bytes received, time to the chart, time to a filtered chart.
"""

import argparse
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
from playwright.sync_api import sync_playwright

from ethelred_runner.report import report
from ethelred_runner.serve import site_server

# From the marts of a built datastore to those of the wanted size: the same days, shifted.
GROWN = """
    create or replace table {table} as
    select original.* replace (
        'platform_' || p as platform, cast({day} - to_days(y * 364) as date) as {day}
    )
    from {table} as original, range({platforms}) as ps (p), range({years}) as ys (y)
    where original.platform = 'opencodelists'
    and {day} > (select max({day}) - 364 from {table})
"""
DAYS = {
    "logins_timeseries": "day",
    "daily_figures": "day",
    "active_users_per_day": "day",
    "collection_nights": "day",
    "day_notes": "day",
    "logins_per_period": "starts_on",
}


@dataclass(frozen=True)
class Cost:
    """What a step took."""

    wall: float
    cpu: float
    memory: float  # GB, the largest process so far


def measured(step: Callable[[], object]) -> Cost:
    """Run a step, and tell what it and its children took."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    step()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - started, cpu, after.ru_maxrss / 2**20)


def grow(built: Path, path: Path, years: int, platforms: int) -> None:
    """Make a datastore whose marts have so many years and platforms."""
    shutil.copyfile(built, path)
    with closing(duckdb.connect(path)) as connection:
        for table, day in DAYS.items():
            connection.execute(GROWN.format(table=table, day=day, years=years, platforms=platforms))
        connection.execute(
            "create or replace table logins_recent as select * from logins_timeseries"
            " qualify day > max(day) over (partition by platform) - 400"
        )
        for table in ("platform_headlines", "hours_of_week", "unusual_days", "rejected_by_reason"):
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
        connection.execute("update logins_recent set logins = logins + 1")
        connection.execute("update daily_figures set logins = logins + 1")


def look(site: Path) -> tuple[float, float, float]:
    """Return the megabytes of the first view, and the seconds to its chart and to all its days."""
    with site_server(site, 0) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = chromium.new_page()
        received: list[float] = []
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda e: received.append(e["encodedDataLength"]))
        started = time.monotonic()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.locator("canvas").first.wait_for()
        to_chart = time.monotonic() - started
        page.wait_for_load_state("networkidle")
        weight = sum(received) / 1e6
        started = time.monotonic()
        page.get_by_role("button", name="All", exact=True).click()
        page.wait_for_load_state("networkidle")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        to_filtered = time.monotonic() - started
        chromium.close()
        server.shutdown()
    return weight, to_chart, to_filtered


def main() -> None:
    """Print a line of the table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datastore", type=Path, help="the demo's: ethelred demo --no-report")
    parser.add_argument("--years", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--platforms", type=int, nargs="+", default=[1, 3, 10])
    given = parser.parse_args()
    print(
        "| years | platforms | full: s, CPU s, GB | nightly: s, CPU s | MB | chart s | all days s |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        for years in given.years:
            for platforms in given.platforms:
                path = Path(folder) / "ethelred.duckdb"
                shutil.rmtree(Path(folder) / ".site.bundle", ignore_errors=True)
                grow(given.datastore, path, years, platforms)
                full = measured(lambda: report(path, site))  # noqa: B023
                a_day_more(path)
                nightly = measured(lambda: report(path, site))  # noqa: B023
                weight, chart, filtered = look(site)
                print(
                    f"| {years} | {platforms} | {full.wall:.0f}, {full.cpu:.0f}, {full.memory:.1f}"
                    f" | {nightly.wall:.0f}, {nightly.cpu:.0f} | {weight:.2f} | {chart:.1f}"
                    f" | {filtered:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
