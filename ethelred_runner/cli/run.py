"""The scheduled job: obtain, append, report; or only a rehearsal of it, or nothing at all."""

from collections.abc import Sequence
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.append.append import append
from ethelred_runner.datastore import Datastore, open_datastore, read_status
from ethelred_runner.obtain.requests import Request
from ethelred_runner.report import build_site
from ethelred_runner.watch.outcome import Outcome, result_lines, warning_lines


def run_job(
    requests: Sequence[Request],
    address: str,
    outcome: Outcome,
    *,
    init: bool,
    skip_if_fresh_hours: float | None = None,
    site: Path | None = None,
    base_path: str = "",
) -> None:
    """Do the scheduled job on the datastore at an address, and fill in what it came to.

    Without a `site` none is built, nor in a dry run.
    """
    with open_datastore(address) as datastore:
        if is_fresh(requests, datastore, skip_if_fresh_hours):
            outcome.kind, outcome.status = "up to date", read_status(datastore.fetch())
            console.say(
                "nothing to obtain: the newest copy of each platform was taken within "
                f"{skip_if_fresh_hours:g} hours"
            )
        else:
            append_copies(requests, datastore, outcome, init=init)
        # Where a site stays from run to run, an earlier run may have failed to build it.
        stays = bool(site and site.is_dir()) or "://" not in address
        if site and not outcome.dry_run and (outcome.appended or stays):
            build_site(datastore.fetch(), site, base_path)
            outcome.is_site_built = True


def is_fresh(requests: Sequence[Request], datastore: Datastore, hours: float | None) -> bool:
    """Tell whether the datastore has a copy of each platform that is young enough."""
    if hours is None or not datastore.exists():
        return False
    status = read_status(datastore.fetch())
    ages = {found.platform: found.newest_copy_age_hours for found in status.platforms}
    wanted = {request.platform.platform for request in requests}
    return all(name in ages and ages[name] <= hours for name in wanted)


def append_copies(
    requests: Sequence[Request], datastore: Datastore, outcome: Outcome, *, init: bool
) -> None:
    """Append the copies in one build, and say what they brought."""
    outcome.appended = append(requests, datastore, init=init, dry_run=outcome.dry_run)
    outcome.status = outcome.appended.status
    for warning in warning_lines(outcome):
        console.warn(warning)
    for line in result_lines(outcome):
        console.say(line)
    if outcome.dry_run:
        outcome.kind = "dry run"
        console.say(f"this was a dry run: {datastore.label} is as it was, and no site was built")
