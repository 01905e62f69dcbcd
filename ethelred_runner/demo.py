"""The whole path on the sample copies that lie in the repository."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.obtain import Request
from ethelred_runner.pipeline import append
from ethelred_runner.platforms import find_platform
from ethelred_runner.project import DATA, PROJECT
from ethelred_runner.report import report
from ethelred_runner.store import opened

SAMPLES = PROJECT / "tests" / "samples" / "opencodelists"
# Not the default datastore: sample logins must not end up in a real history.
DEMO_DATASTORE = DATA / "demo" / "ethelred.duckdb"


def demo(datastore: str, site: Path, base_path: str, with_report: bool) -> None:
    """Append the ten sample nights to a datastore of their own and build the site."""
    with opened(datastore or str(DEMO_DATASTORE)) as store:
        append(list(sample_requests()), store, init=True)
        console.say(f"the datastore of the demo is {store.label}")
        if with_report:
            report(store.fetch(), site, base_path)
            console.say("to look at the site: make serve")


def sample_requests() -> Iterator[Request]:
    """Yield the sample copies with the moments they show: a checkout keeps no file times."""
    platform = find_platform("opencodelists")
    with (SAMPLES / "copies.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            taken_at = datetime.fromisoformat(row["snapshot_utc"]).replace(tzinfo=UTC)
            yield Request(str(SAMPLES / row["file"]), platform, taken_at)
