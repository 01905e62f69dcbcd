"""The commands, each a few lines that call a plain function."""

from contextlib import nullcontext
from pathlib import Path

import typer

from ethelred_runner import console
from ethelred_runner.append.dbt import BuildOptions
from ethelred_runner.cli import options as opt
from ethelred_runner.cli.run import run_job
from ethelred_runner.datastore import open_datastore
from ethelred_runner.demo import DEMO_DATASTORE, DEMO_SITE, demo_seeds
from ethelred_runner.demo import demo as run_demo
from ethelred_runner.errors import UsageError
from ethelred_runner.obtain.copy_requests import configured_sources, requests_for
from ethelred_runner.obtain.obtain import obtain_to
from ethelred_runner.report import build_site
from ethelred_runner.report import dev as show_report
from ethelred_runner.report import serve as serve_site
from ethelred_runner.watch.check import check_all, try_sources
from ethelred_runner.watch.outcome import Outcome, recorded
from ethelred_runner.watch.published import check_published

app = typer.Typer(
    help="How many people log in to our platforms, day by day?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run(
    sources: opt.Sources = None,
    platform: opt.Platform = "",
    datastore: opt.Datastore = opt.DATASTORE,
    init: opt.Init = False,
    site: opt.Site = opt.SITE,
    base_path: opt.BasePath = "",
    no_report: opt.NoReport = False,
    taken_at: opt.TakenAt = None,
    warn_after: opt.WarnAfter = None,
    skip_if_fresh: opt.SkipIfFresh = None,
    dry_run: opt.DryRun = False,
    accept_doubts: opt.AcceptDoubts = False,
    summary: opt.Summary = None,
    debug: opt.Debug = False,
) -> None:
    """Obtain copies, append their logins, build the site: the scheduled job."""
    outcome, built = Outcome(dry_run, warn_after), None if no_report else site
    with recorded(outcome, summary, [*(sources or []), *configured_sources().values()]):
        run_job(
            requests_for(sources or [], platform, taken_at),
            datastore,
            outcome,
            init=init,
            skip_if_fresh_hours=skip_if_fresh,
            options=BuildOptions(accept_doubts),
            site=built,
            base_path=base_path,
        )


@app.command()
def obtain(
    to: opt.To,
    sources: opt.Sources = None,
    platform: opt.Platform = "",
    taken_at: opt.TakenAt = None,
    debug: opt.Debug = False,
) -> None:
    """Only obtain and verify copies."""
    for path in obtain_to(requests_for(sources or [], platform, taken_at), to):
        console.say(str(path))


@app.command()
def build(
    copies: opt.Copies = None,
    platform: opt.Platform = "",
    datastore: opt.Datastore = opt.DATASTORE,
    init: opt.Init = False,
    taken_at: opt.TakenAt = None,
    warn_after: opt.WarnAfter = None,
    accept_doubts: opt.AcceptDoubts = False,
    recount: opt.Recount = False,
    debug: opt.Debug = False,
) -> None:
    """Append the logins of local copies, count them per day, and test the result."""
    if not copies and not recount:
        raise UsageError("build needs a COPY, or --recount")
    requests = requests_for(copies, platform, taken_at) if copies else []
    options = BuildOptions(accept_doubts, recount)
    run_job(requests, datastore, Outcome(warn_after_hours=warn_after), init=init, options=options)


@app.command()
def report(
    datastore: opt.Datastore = opt.DATASTORE,
    site: opt.Site = opt.SITE,
    base_path: opt.BasePath = "",
    debug: opt.Debug = False,
) -> None:
    """Build the site from the datastore."""
    with open_datastore(datastore) as store:
        build_site(store.readable_path(), site, base_path)


@app.command()
def serve(site: opt.Site = opt.SITE, port: opt.Port = 8000, debug: opt.Debug = False) -> None:
    """Show the built site on this machine."""
    serve_site(site, port)


@app.command()
def dev(datastore: opt.DemoDatastore = str(DEMO_DATASTORE), debug: opt.Debug = False) -> None:
    """Show the report of a history, by default the demo's, while you edit pages and models."""
    seeds = demo_seeds() if datastore == str(DEMO_DATASTORE) else nullcontext()
    with open_datastore(datastore) as store, seeds:
        show_report(store.readable_path())


@app.command()
def check(
    sources: opt.Sources = None,
    platform: opt.Platform = "",
    datastore: opt.Datastore = opt.DATASTORE,
    init: opt.Init = False,
    site: opt.CheckedSite = str(opt.SITE),
    debug: opt.Debug = False,
) -> None:
    """Test whether everything that a run needs is here, or look at a published site.

    The command also reads a given SOURCE, and prints how many users and logins it found. If --site
    is the address of a published site, the command only waits, at most 15 minutes, until the site
    shows the newest day of the datastore.
    """
    with open_datastore(datastore) as store:
        if "://" in site:
            console.say(check_published(site, store))
            return
        check_all(lambda: requests_for(sources or [], platform, None), store, Path(site), init=init)
    if sources:
        try_sources(requests_for(sources, platform, None))


@app.command()
def demo(
    datastore: opt.DemoDatastore = str(DEMO_DATASTORE),
    site: opt.DemoSite = DEMO_SITE,
    base_path: opt.DemoBasePath = "",
    no_report: opt.DemoNoReport = False,
    debug: opt.Debug = False,
) -> None:
    """Do the whole job on simulated copies of two platforms, separate from real data."""
    run_demo(datastore, site, base_path, with_report=not no_report)
