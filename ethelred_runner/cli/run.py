"""The scheduled job: obtain copies, append their logins, build the site."""

from collections.abc import Sequence
from math import inf
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.append.append import append
from ethelred_runner.append.dbt import BuildOptions
from ethelred_runner.append.result import Appended
from ethelred_runner.datastore import Row, open_datastore, read_status
from ethelred_runner.errors import merged_error
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.report import build_site
from ethelred_runner.watch.outcome import Outcome, refusals, result_lines, warning_lines
from ethelred_runner.watch.status import show_platform


def run_job(
    requests: Sequence[CopyRequest],
    address: str,
    outcome: Outcome,
    *,
    init: bool,
    skip_if_fresh_hours: float | None = None,
    options: BuildOptions = BuildOptions(),
    site: Path | None = None,
    base_path: str = "",
) -> None:
    """Do the scheduled job on the datastore at an address, and fill in the outcome.

    A site is built if `site` is given, except in a dry run. Raises one error at the end for all
    copies that couldn't be obtained, or were left out because of grave doubts.
    """
    with open_datastore(address) as datastore:
        if skip_if_fresh_hours is not None and datastore.exists():
            outcome.appended = Appended(read_status(datastore.readable_path()))
        if is_fresh(requests, outcome.appended.platforms, skip_if_fresh_hours):
            outcome.kind = "up to date"
            console.say(
                "nothing to obtain: the newest copy of each platform was taken within the last "
                f"{skip_if_fresh_hours:g} hours"
            )
        else:
            outcome.appended = append(
                requests, datastore, init=init, dry_run=outcome.dry_run, options=options
            )
            print_outcome(outcome, datastore.label)
        failures = [*outcome.appended.failures, *refusals(outcome.appended)]
        # An earlier run may have failed to build the site, so it is built even without new copies.
        if site and not outcome.dry_run and datastore.exists():
            build_site(datastore.readable_path(), site, base_path)
            outcome.is_site_built = True
        if failures:  # raised last, so that what arrived is published
            raise merged_error(failures)


def is_fresh(
    requests: Sequence[CopyRequest], platforms: Sequence[Row], hours: float | None
) -> bool:
    """Return whether the newest copy of each platform is young enough."""
    ages = {found["platform"]: found["newest_copy_age_hours"] for found in platforms}
    wanted = {request.platform.platform for request in requests}
    return hours is not None and all(ages.get(name, inf) <= hours for name in wanted)


def print_outcome(outcome: Outcome, label: str) -> None:
    """Print what the copies brought in."""
    for warning in warning_lines(outcome):
        console.warn(warning)
    for line in result_lines(outcome):
        console.say(line)
    if outcome.dry_run:
        outcome.kind = "dry run"
        for platform in outcome.appended.platforms:  # shows what a new row of platforms.csv does
            show_platform(platform)
        console.say(f"this was a dry run: {label} is as it was, and no site was built")
