"""The scheduled job: obtain, build, report; or only a rehearsal of it, or nothing at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.obtain import Request
from ethelred_runner.pipeline import Obtaining, append
from ethelred_runner.report import report
from ethelred_runner.run_summary import RunSummary, figures
from ethelred_runner.status import read_status
from ethelred_runner.store import Store, rehearsed
from ethelred_runner.summary import Summary


@dataclass(frozen=True)
class Plan:
    """How a run goes about it. Without a `site` none is built."""

    how: Obtaining
    init: bool
    dry_run: bool
    if_older_hours: float | None
    site: Path | None
    base_path: str


def run(requests: Sequence[Request], store: Store, plan: Plan, told: RunSummary) -> None:
    """Do the scheduled job, and fill in its summary as far as it gets."""
    if plan.if_older_hours is not None and is_fresh(store, requests, plan.if_older_hours):
        console.say(
            "nothing to obtain: the newest copy of each platform was taken within "
            f"{plan.if_older_hours:g} hours"
        )
        told.outcome = "up to date"
        tell(told, store, plan)
        if plan.site and plan.site.is_dir():  # built here by a run that may have failed since
            report(store.fetch(), plan.site, plan.base_path)
    elif plan.dry_run:
        told.outcome = "dry run"
        with rehearsed(store, init=plan.init) as copy:
            append_and_tell(requests, copy, plan, told)
        console.say(f"this was a dry run: {store.label} is as it was, and no site was built")
    else:
        append_and_tell(requests, store, plan, told)
        if plan.site:
            report(store.fetch(), plan.site, plan.base_path)


def is_fresh(store: Store, requests: Sequence[Request], hours: float) -> bool:
    """Tell whether the datastore has a copy of each platform that is not older than that."""
    if not store.exists():
        return False
    ages = {
        platform["platform"]: platform["newest_copy_age_hours"]
        for platform in read_status(store.fetch(), store.label)["platforms"]
    }
    return all(ages.get(request.platform.platform, hours + 1) <= hours for request in requests)


def append_and_tell(
    requests: Sequence[Request], store: Store, plan: Plan, told: RunSummary
) -> None:
    """Append what there is to obtain, and write down what it brought."""
    built = append(requests, store, init=plan.init, how=plan.how)
    tell(told, store, plan, requests, built.summary)


def tell(
    told: RunSummary,
    store: Store,
    plan: Plan,
    requests: Sequence[Request] = (),
    summary: Summary | None = None,
) -> None:
    """Write down what the datastore holds, and what a build brought."""
    status = read_status(store.fetch(), store.label)
    told.platforms = figures(status, requests, summary, plan.how.max_age_hours)
    told.logins = sum(platform.logins for platform in told.platforms)
