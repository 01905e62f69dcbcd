"""The commands, each a few lines that call a plain function."""

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ethelred_runner import console
from ethelred_runner.append.append import import_datastore
from ethelred_runner.append.dbt import BuildOptions
from ethelred_runner.append.retract import find_copy
from ethelred_runner.append.retract import retract as retract_copy
from ethelred_runner.cli import options as opt
from ethelred_runner.cli.run import run_job
from ethelred_runner.datastore import (
    export_history,
    open_datastore,
    open_shell,
    read_copies,
    read_status,
)
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
from ethelred_runner.watch.retraction import say_what_goes, say_what_went
from ethelred_runner.watch.status import refuse_stale, show_copies, show_status, show_versions
from ethelred_runner.watch.wording import format_iso

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
    """Show the report of the demo's history, or another, while you work on pages and models."""
    seeds = demo_seeds() if datastore == str(DEMO_DATASTORE) else nullcontext()
    with open_datastore(datastore) as store, seeds:
        show_report(store.readable_path())


@app.command()
def status(
    datastore: opt.Datastore = opt.DATASTORE,
    as_json: opt.AsJson = False,
    fail_after: opt.FailAfter = None,
    debug: opt.Debug = False,
) -> None:
    """Show what the datastore holds."""
    with open_datastore(datastore) as store:
        path, kept = store.readable_path(), store.versions()
        platforms, size = read_status(path), path.stat().st_size
    found = {"datastore": store.label, "size_bytes": size, "platforms": platforms}
    if as_json:
        found["versions"] = [asdict(version) for version in kept]
        typer.echo(json.dumps(found, default=format_iso, indent=1))
    else:
        show_status(store.label, size, platforms)
        if kept:
            console.say(f"versions {kept[-1].version} to {kept[0].version} can be restored")
    refuse_stale(platforms, fail_after)


@app.command()
def sql(datastore: opt.Datastore = opt.DATASTORE, debug: opt.Debug = False) -> None:
    """Open DuckDB's shell on the datastore, read only."""
    with open_datastore(datastore) as store:
        open_shell(store.readable_path())


@app.command()
def versions(datastore: opt.Datastore = opt.DATASTORE, debug: opt.Debug = False) -> None:
    """List the versions of a datastore that can be restored."""
    with open_datastore(datastore) as store:
        show_versions(store.versions())


@app.command()
def restore(
    version: Annotated[int, typer.Argument(help="Its number: ethelred versions lists them.")],
    datastore: opt.Datastore = opt.DATASTORE,
    debug: opt.Debug = False,
) -> None:
    """Make an earlier version of a datastore the newest again."""
    with open_datastore(datastore) as store:
        restored = store.restore(version)
    console.say(f"version {version} is back, as version {restored.version}")


@app.command()
def copies(
    datastore: opt.Datastore = opt.DATASTORE, as_json: opt.AsJson = False, debug: opt.Debug = False
) -> None:
    """List the copies of a datastore, with what each brought in."""
    with open_datastore(datastore) as store:
        found = read_copies(store.readable_path())
    if as_json:
        typer.echo(json.dumps(found, default=format_iso, indent=1))
    else:
        show_copies(found)


@app.command()
def retract(
    copy_id: opt.CopyId,
    sources: opt.Sources = None,
    platform: opt.Platform = "",
    datastore: opt.Datastore = opt.DATASTORE,
    dry_run: opt.DryRun = False,
    debug: opt.Debug = False,
) -> None:
    """Take a copy out of the history, and read other copies again for the logins they share."""
    with open_datastore(datastore) as store:
        copy = find_copy(store.readable_path(), copy_id, platform)
        say_what_goes(copy)
        requests = requests_for(sources or [], copy["platform"], None)
        say_what_went(retract_copy(copy, requests, store, dry_run=dry_run), store.label)


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder to be made.")],
    datastore: opt.Datastore = opt.DATASTORE,
    debug: opt.Debug = False,
) -> None:
    """Write the history as Parquet files."""
    with open_datastore(datastore) as store:
        for path in export_history(store.readable_path(), directory.absolute()):
            console.say(str(path))


@app.command("import")
def import_(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What export has written.")],
    datastore: opt.Datastore = opt.DATASTORE,
    debug: opt.Debug = False,
) -> None:
    """Create a datastore from an export."""
    with open_datastore(datastore) as store:
        import_datastore(directory.absolute(), store)
        console.say(f"{store.label} holds what {directory} holds")


@app.command()
def check(
    sources: opt.Sources = None,
    platform: opt.Platform = "",
    datastore: opt.Datastore = opt.DATASTORE,
    init: opt.Init = False,
    site: opt.CheckedSite = str(opt.SITE),
    debug: opt.Debug = False,
) -> None:
    """Test whether everything that a run needs is here, try a SOURCE, or look at a published site.

    It reads a given SOURCE and says what it shows. With the address of a published site, it waits
    up to 15 minutes until the site shows the newest day of the datastore, and tests nothing else.
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
