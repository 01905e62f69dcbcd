"""The scheduled job: obtain, append, report; or only a rehearsal of it, or nothing at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.append.append import append
from ethelred_runner.datastore import Datastore, open_datastore, read_status
from ethelred_runner.errors import UsageError
from ethelred_runner.obtain.platforms import find_platform
from ethelred_runner.obtain.requests import Limits, Request, configured_sources, requests_for
from ethelred_runner.report import build_site
from ethelred_runner.watch.outcome import Outcome, result_lines, warning_lines

DEFAULT_PLATFORM = "opencodelists"


@dataclass(frozen=True)
class Plan:
    """What a run is to do. Without a `site` none is built, nor in a dry run."""

    requests: Sequence[Request]
    datastore: str
    init: bool = False
    limits: Limits = field(default_factory=Limits)
    keep_copies: bool = False
    dry_run: bool = False
    if_older_hours: float | None = None
    site: Path | None = None
    base_path: str = ""


def requests_of(
    sources: Sequence[str] | None, platform: str, taken_at: str | None
) -> list[Request]:
    """Return what to obtain; without a source but with a platform, only its configured one.

    Raises UsageError if there is none, or if an option makes no sense.
    """
    if sources or not platform:
        return requests_for(sources or [], platform or DEFAULT_PLATFORM, taken_at)
    wanted, addresses = find_platform(platform), configured_sources()
    if platform not in addresses:
        raise UsageError(f"no source: give one, or set {wanted.setting('ETHELRED_SOURCE')}")
    # By its prefix, so that it isn't sent the default platform's token.
    return requests_for([f"{platform}={addresses[platform]}"], DEFAULT_PLATFORM, taken_at)


def run(plan: Plan, outcome: Outcome) -> None:
    """Do the scheduled job, and fill in what it came to as far as it gets."""
    with open_datastore(plan.datastore) as datastore:
        if is_fresh(plan, datastore):
            outcome.kind, outcome.status = "up to date", read_status(datastore.fetch())
            console.say(
                "nothing to obtain: the newest copy of each platform was taken within "
                f"{plan.if_older_hours:g} hours"
            )
        else:
            append_copies(plan, datastore, outcome)
        # One that stays from run to run may be missing what an earlier run failed to show.
        is_due = plan.site and not plan.dry_run and (outcome.appended or plan.site.is_dir())
        if plan.site and is_due:
            build_site(datastore.fetch(), plan.site, plan.base_path)
            outcome.is_site_built = True


def is_fresh(plan: Plan, datastore: Datastore) -> bool:
    """Tell whether the datastore has a copy of each platform that is young enough."""
    hours = plan.if_older_hours
    if hours is None or not datastore.exists():
        return False
    status = read_status(datastore.fetch())
    ages = {found.platform: found.newest_copy_age_hours for found in status.platforms}
    wanted = {request.platform.platform for request in plan.requests}
    return all(name in ages and ages[name] <= hours for name in wanted)


def append_copies(plan: Plan, datastore: Datastore, outcome: Outcome) -> None:
    """Append the copies in one build, and say what they brought."""
    outcome.appended = append(
        plan.requests,
        datastore,
        init=plan.init,
        limits=plan.limits,
        keep_copies=plan.keep_copies,
        dry_run=plan.dry_run,
    )
    outcome.status = outcome.appended.status
    for warning in warning_lines(outcome):
        console.warn(warning)
    for line in result_lines(outcome):
        console.say(line)
    if plan.dry_run:
        outcome.kind = "dry run"
        console.say(f"this was a dry run: {datastore.label} is as it was, and no site was built")
