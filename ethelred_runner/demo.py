"""The whole path on more than a year of simulated nights, in a datastore of their own."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.datastore import connect
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.obtain import Request
from ethelred_runner.pipeline import append
from ethelred_runner.platforms import read_platforms
from ethelred_runner.project import DATA
from ethelred_runner.report import is_empty, is_of_demo, report, target_of
from ethelred_runner.simulate import SIMULATIONS, is_simulated, nights, write_copies
from ethelred_runner.store import Store, opened
from ethelred_runner.workspace import private_folder

# Not the defaults, and no setting changes them: simulated logins must not end up in a real history.
DEMO_DATASTORE = DATA / "demo" / "ethelred.duckdb"
DEMO_SITE = DATA / "demo" / "site"

KNOWN = "select platform, cast(taken_at as date) from copies"


def demo(datastore: str, site: Path, base_path: str, with_report: bool) -> None:
    """Append the simulated nights that a datastore of their own lacks, and build the site.

    Raises DatastoreError or UsageError, before anything is done, if the datastore or the site
    is there already and isn't the demo's.
    """
    with opened(datastore or str(DEMO_DATASTORE)) as store:
        refuse_real(store)
        if with_report:
            refuse_real_site(site)
        with private_folder() as folder:
            requests = list(missing_copies(store, folder, datetime.now(UTC)))
            console.note(f"reading {len(requests)} simulated copies")
            with one_line_for_all():
                append(requests, store, init=True)
        console.say(f"the datastore of the demo is {store.label}")
        if with_report:
            report(store.fetch(), site, base_path)
            shown = "make serve" if site == DEMO_SITE else f"ethelred serve --site {site}"
            console.say(f"to look at the site: {shown}")


def refuse_real(store: Store) -> None:
    """Raise DatastoreError if there is a datastore that holds more than simulated copies."""
    if store.exists() and not is_simulated(store.fetch()):
        raise DatastoreError(
            f"{store.label} isn't the demo's: it holds other copies than simulated ones\n"
            "Nothing was changed: leave --datastore out, or name a file that isn't there yet"
        )


def refuse_real_site(site: Path) -> None:
    """Raise UsageError if there is a site, or anything else, that isn't the demo's."""
    folder = target_of(site)
    if not (is_empty(folder) or is_of_demo(folder)):
        raise UsageError(
            f"{site} isn't the demo's: it holds something else than a site of simulated logins\n"
            "Nothing was changed: leave --site out, or name a folder that isn't there yet"
        )


@contextmanager
def one_line_for_all() -> Iterator[None]:
    """Leave out what is said of each of hundreds of copies."""
    console.notices.quiet = True
    try:
        yield
    finally:
        console.notices.quiet = False


def missing_copies(store: Store, folder: Path, until: datetime) -> Iterator[Request]:
    """Write the copies of the nights that the datastore doesn't have yet.

    The newest night is read again if none is missing, so that changed models take effect.
    """
    known, past = known_nights(store), nights(until)
    platforms = read_platforms()
    with console.working("simulating nightly copies"):
        for simulation in SIMULATIONS:
            wanted = [night for night in past if (simulation.platform, night) not in known]
            for path in write_copies(simulation, wanted or past[-1:], folder):
                yield Request(str(path), platforms[simulation.platform])


def known_nights(store: Store) -> set[tuple[str, date]]:
    """Return the nights of which the datastore has a copy; none if there is no datastore."""
    try:
        path = store.fetch()
    except DatastoreError:
        return set()
    with closing(connect(path)) as connection:
        return {(platform, night) for platform, night in connection.execute(KNOWN).fetchall()}
