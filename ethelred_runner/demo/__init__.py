"""The whole job on more than a year of simulated nights, with its own datastore, site, seeds."""

import csv
import io
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.append.append import append
from ethelred_runner.datastore import Datastore, connect, open_datastore
from ethelred_runner.demo.calendar import (
    TAKEN_AT,
    annotations,
    first_night,
    last_night,
    nights_with_copies,
)
from ethelred_runner.demo.simulate import SIMULATIONS, write_copies
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.folders import private_folder
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.platforms import read_platforms
from ethelred_runner.report import build_site, read_marker
from ethelred_runner.settings import DATA, PROJECT

# Not the default datastore: simulated logins must not end up in a real history.
DEMO_DATASTORE = DATA / "demo" / "ethelred.duckdb"
DEMO_SITE = DATA / "demo" / "site"
DEMO_SEEDS = DATA / "demo" / "seeds"
BANK_HOLIDAYS = PROJECT / "seeds" / "bank_holidays.csv"

PLATFORMS = sorted(simulation.platform for simulation in SIMULATIONS)
KNOWN = "select platform, taken_at from copies"


def demo(
    datastore: str = str(DEMO_DATASTORE),
    site: Path = DEMO_SITE,
    base_path: str = "",
    with_report: bool = True,
    *,
    now: datetime | None = None,
) -> None:
    """Append the simulated nights that a datastore of their own lacks, and build the site.

    `now` is the moment (aware) up to which nights are simulated, by default the current time.

    Raises DatastoreError or UsageError, before anything is done, if the datastore or the site
    exists and isn't the demo's.
    """
    last = last_night((now or datetime.now(UTC)).astimezone(UTC))
    with open_datastore(datastore) as store, demo_seeds():
        known = known_nights(store)
        if with_report:
            refuse_real_site(site.expanduser())
        first = min((night for _, night in known), default=first_night(last))
        write_seeds(DEMO_SEEDS, last)
        with private_folder() as folder:
            requests = list(missing_copies(known, first, last, folder))
            console.note(f"reading {len(requests)} simulated copies")
            with without_notices():
                appended = append(requests, store, init=True)
        console.say(
            f"{len(appended.new_copies)} copies are new in the demo's datastore, {store.label}"
        )
        if with_report:
            build_site(store.readable_path(), site, base_path)
            console.say(f"to look at the site: ethelred serve --site {site}")


@contextmanager
def demo_seeds() -> Iterator[None]:
    """Use the demo's seeds instead of the project's."""
    before = os.environ.get("ETHELRED_SEEDS")
    os.environ["ETHELRED_SEEDS"] = str(DEMO_SEEDS.relative_to(PROJECT))
    try:
        yield
    finally:
        os.environ.pop("ETHELRED_SEEDS")
        if before is not None:
            os.environ["ETHELRED_SEEDS"] = before


def write_seeds(folder: Path, last: date) -> None:
    """Write the demo's seeds: its own platforms, notes of its days, and the true bank holidays.

    They are the same for all demos of a year, because these share one folder of seeds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    notes = io.StringIO()
    rows = csv.writer(notes, lineterminator="\n")
    rows.writerow(["platform", "starts_on", "ends_on", "text"])
    rows.writerows(annotations(last.year))
    write_whole(folder / "annotations.csv", notes.getvalue())
    for seed in (Path(__file__).parent / "seeds" / "platforms.csv", BANK_HOLIDAYS):
        write_whole(folder / seed.name, seed.read_text(encoding="utf-8"))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that another demo, which runs at the same time, never reads half of it."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


@contextmanager
def without_notices() -> Iterator[None]:
    """Print no notices, because each of hundreds of copies has some."""
    console.notices.quiet = True
    try:
        yield
    finally:
        console.notices.quiet = False


def missing_copies(
    known: set[tuple[str, date]], first: date, last: date, folder: Path
) -> Iterator[CopyRequest]:
    """Write the copies of the nights that the datastore doesn't have yet.

    The newest night is read again if none is missing, so that changed models take effect.
    """
    platforms = read_platforms()
    nights = nights_with_copies(first, last)
    with console.working("simulating nightly copies"):
        for simulation in SIMULATIONS:
            wanted = [night for night in nights if (simulation.platform, night) not in known]
            for path in write_copies(simulation, first, wanted or nights[-1:], folder):
                yield CopyRequest(str(path), platforms[simulation.platform])


def known_nights(store: Datastore) -> set[tuple[str, date]]:
    """Return the nights of which the datastore has a copy; none if there is no datastore.

    Raises DatastoreError if it has other copies than simulated ones.
    """
    if not store.exists():
        return set()
    with closing(connect(store.readable_path())) as connection:
        copies = connection.execute(KNOWN).fetchall()
    times = {moment.time() for _, moment in copies}
    found = sorted({platform for platform, _ in copies})
    if found != PLATFORMS or times != {TAKEN_AT.replace(tzinfo=None)}:
        raise DatastoreError(
            f"{store.label} isn't the demo's: it holds other copies than simulated ones\n"
            "Nothing was changed: name a file that isn't there yet with --datastore"
        )
    return {(platform, moment.date()) for platform, moment in copies}


def refuse_real_site(site: Path) -> None:
    """Raise UsageError if there is a site, or anything else, that isn't the demo's."""
    is_new = not site.exists() or (site.is_dir() and not any(site.iterdir()))
    if not is_new and read_marker(site).get("platforms") != PLATFORMS:
        raise UsageError(
            f"{site} isn't the demo's: it holds something other than a site of simulated logins\n"
            "Nothing was changed: name a folder that isn't there yet with --site"
        )
