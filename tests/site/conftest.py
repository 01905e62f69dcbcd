"""Fixtures: built sites, served by `ethelred serve`."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest

from benchmarks.site import grow
from tests.support.built_once import built_once
from tests.support.program import PROGRAM, Ethelred


@dataclass(frozen=True)
class Site:
    """A built site and where it is served."""

    folder: Path
    url: str


@dataclass(frozen=True)
class Builds:
    """Sites without a login, of ten platforms and ten years, of the sample nights, and of the demo.

    The samples' site is for a sub-path, the others are for the root of a host. The ten platforms
    count days in Auckland. The last is silent, the ninth was never judged and has millions of
    people, the sixth had an unusual day, and the first has a note of three days and a night without
    a copy that isn't missed.
    """

    empty: Path
    many: Path
    samples: Path
    demo: Path
    grown: Path  # the datastore of the many


def without_rows(datastore: Path, copy: Path) -> Path:
    """Copy a datastore with empty tables."""
    shutil.copyfile(datastore, copy)
    with closing(duckdb.connect(copy)) as connection:
        for (name,) in connection.sql("select table_name from duckdb_tables()").fetchall():
            if name not in ("platforms", "datastore_format"):
                connection.execute(f'delete from "{name}"')
    return copy


LONG_NOTE = "Everybody was at the annual meeting " + "w" * 84
TROUBLES = f"""
    update platform_headlines set
        newest_copy_at = newest_copy_on - interval 30 minutes,
        reporting_time_zone = 'Pacific/Auckland',
        judged_days = if(platform = 'platform_8', 0, judged_days),
        is_silent = platform = 'platform_9',
        active_28d = if(platform = 'platform_8', 1500000, active_28d),
        logins_last_7d = if(platform = 'platform_8', 1272564, logins_last_7d),
        verdict = if(platform = 'platform_5', 'lower', verdict),
        overview_rank = case platform when 'platform_9' then 1 when 'platform_5' then 2 else 3 end,
        silent_days = 3;
    delete from unusual_days where platform = 'platform_8';
    insert into day_notes by name
        select platform, 'annotation' as kind, '{LONG_NOTE}' as text,
            last_finished_day - 4 as starts_on, last_finished_day - 2 as ends_on,
            unnest([starts_on, starts_on + 1, ends_on]) as day
        from platform_headlines where platform = 'platform_0';
    update logins_timeseries set has_extra_copy = true
        where (platform, day) in (select (platform, last_finished_day) from platform_headlines);
    insert into collection_doubts
        values ('platform_0', date '2026-03-30', 'repeated_content', 'Platform 0: repeated.');
    update collection_days set copies = 0
        where platform = 'platform_0'
        and day = (select max(newest_copy_on) - 1 from platform_headlines);
"""


@pytest.fixture(scope="session")
def builds(
    tmp_path_factory: pytest.TempPathFactory,
    ethelred: Ethelred,
    datastore: Path,
    demo_datastore: Path,
) -> Builds:
    """Build each site once, for all workers."""

    def build(folder: Path) -> None:
        nothing = without_rows(datastore, folder / "other-name.duckdb")
        many = folder / "grown"
        grow(demo_datastore, many, years=10, platforms=10)
        with closing(duckdb.connect(many)) as connection:
            connection.execute(TROUBLES)
        stores = {"empty": nothing, "many": many, "samples": datastore, "demo": demo_datastore}
        for name, store in stores.items():
            base_path = "/ethelred" if name == "samples" else ""
            options = ["--site", folder / name, "--base-path", base_path]
            ethelred("report", "--datastore", store, *options)

    folder = built_once(tmp_path_factory, "sites", build)
    return Builds(*(folder / field.name for field in fields(Builds)))


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """Serve a site with the program, as a user does."""
    command = [str(PROGRAM), "serve", "--site", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = next(word for word in server.stdout.readline().split() if "://" in word)
        try:
            yield Site(folder, url)
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def site(builds: Builds) -> Iterator[Site]:
    """Serve the sample nights' site, under its sub-path."""
    with served(builds.samples) as found:
        assert urlsplit(found.url).path == "/ethelred/"
        yield found


@pytest.fixture(scope="session")
def many_site(builds: Builds) -> Iterator[Site]:
    """Serve the site of ten platforms."""
    with served(builds.many) as found:
        yield found


@pytest.fixture(scope="session")
def demo_site(builds: Builds) -> Iterator[Site]:
    """Serve the demo's site: more than a year of two platforms."""
    with served(builds.demo) as found:
        yield found
