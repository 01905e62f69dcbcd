"""The command line: each command is a few lines over a plain function."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from ethelred_runner import console
from ethelred_runner import options as opt
from ethelred_runner.errors import exit_code_of, is_panic, line_of

app = typer.Typer(
    help="How many people log in to our platforms, day by day?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...",
        envvar="ETHELRED_SOURCES",
        help="A path, file://, https://, sftp:// or s3:// address; PLATFORM= may stand in front. "
        "Without one: what ETHELRED_SOURCE_<PLATFORM> says, for every platform.",
        show_default=False,
    ),
]


@app.command()
def run(
    sources: Sources = None,
    platform: opt.Platform = opt.PLATFORM,
    datastore: opt.Datastore = opt.DATASTORE,
    init: opt.Init = False,
    site: opt.Site = opt.SITE,
    base_path: opt.BasePath = "",
    no_report: opt.NoReport = False,
    taken_at: opt.TakenAt = None,
    max_age: opt.OldAfter = None,
    max_bytes: opt.MaxBytes = opt.MAX_BYTES,
    keep: opt.Keep = False,
    if_older: opt.IfOlder = None,
    dry_run: opt.DryRun = False,
    summary: opt.Summary = None,
    debug: opt.Debug = False,
) -> None:
    """Obtain copies, append their logins, build the site: the scheduled job."""
    from ethelred_runner.pipeline import Obtaining
    from ethelred_runner.requests import requests_for
    from ethelred_runner.run import Plan
    from ethelred_runner.run import run as do_run
    from ethelred_runner.run_summary import summarised
    from ethelred_runner.store import opened

    how = Obtaining(max_bytes, keep, max_age)
    plan = Plan(how, init, dry_run, if_older, None if no_report else site, base_path)
    with summarised(summary, sources or [], dry_run=dry_run) as told, opened(datastore) as store:
        do_run(requests_for(sources or [], platform, taken_at), store, plan, told)


@app.command()
def obtain(
    to: Annotated[Path, typer.Option("--to", help="The folder to put the copies in.")],
    sources: Sources = None,
    platform: opt.Platform = opt.PLATFORM,
    taken_at: opt.TakenAt = None,
    max_bytes: opt.MaxBytes = opt.MAX_BYTES,
    debug: opt.Debug = False,
) -> None:
    """Only obtain and verify copies."""
    from ethelred_runner.keep import obtain_to
    from ethelred_runner.requests import requests_for

    for path in obtain_to(requests_for(sources or [], platform, taken_at), to, max_bytes):
        console.say(str(path))


@app.command()
def build(
    copies: Annotated[list[str], typer.Argument(metavar="COPY...", help="Local copies.")],
    platform: opt.Platform = opt.PLATFORM,
    datastore: opt.Datastore = opt.DATASTORE,
    init: opt.Init = False,
    taken_at: opt.TakenAt = None,
    max_age: opt.OldAfter = None,
    max_bytes: opt.MaxBytes = opt.MAX_BYTES,
    keep: opt.Keep = False,
    debug: opt.Debug = False,
) -> None:
    """Append the logins of local copies, count them per day, and test the result."""
    from ethelred_runner.pipeline import Obtaining, append
    from ethelred_runner.requests import requests_for
    from ethelred_runner.store import opened

    requests = requests_for(copies, platform, taken_at)
    with opened(datastore) as store:
        append(requests, store, init=init, how=Obtaining(max_bytes, keep, max_age))


@app.command()
def report(
    datastore: opt.Datastore = opt.DATASTORE,
    site: opt.Site = opt.SITE,
    base_path: opt.BasePath = "",
    debug: opt.Debug = False,
) -> None:
    """Build the site from the datastore."""
    from ethelred_runner.report import report as build_site
    from ethelred_runner.store import opened

    with opened(datastore) as store:
        build_site(store.fetch(), site, base_path)


@app.command()
def serve(
    site: opt.Site = opt.SITE,
    port: Annotated[int, typer.Option("--port", envvar="ETHELRED_PORT", help="0: any.")] = 8000,
    debug: opt.Debug = False,
) -> None:
    """Show the built site on this machine."""
    from ethelred_runner.serve import serve as serve_site

    serve_site(site, port)


@app.command()
def status(
    datastore: opt.Datastore = opt.DATASTORE,
    as_json: opt.AsJson = False,
    max_age: opt.MaxAge = None,
    debug: opt.Debug = False,
) -> None:
    """Tell what the datastore holds."""
    from ethelred_runner.status import refuse_stale, show_status, status_of
    from ethelred_runner.store import opened

    with opened(datastore) as store:
        found = status_of(store)
    if as_json:
        typer.echo(json.dumps(found, default=str, indent=1))
    else:
        show_status(found)
    refuse_stale(found, max_age)


@app.command()
def versions(
    datastore: opt.Datastore = opt.DATASTORE,
    as_json: opt.AsJson = False,
    debug: opt.Debug = False,
) -> None:
    """List the versions of a datastore at s3://… that can be restored."""
    from ethelred_runner.store import opened
    from ethelred_runner.versions import show_versions

    with opened(datastore) as store:
        found = store.versions()
    if as_json:
        typer.echo(json.dumps({"versions": [asdict(version) for version in found]}, indent=1))
    else:
        show_versions(found)


@app.command()
def restore(
    version: Annotated[int, typer.Argument(help="Its number: ethelred versions lists them.")],
    datastore: opt.Datastore = opt.DATASTORE,
    debug: opt.Debug = False,
) -> None:
    """Make an earlier version of a datastore at s3://… the newest again."""
    from ethelred_runner.store import opened

    with opened(datastore) as store:
        restored = store.restore(version)
    console.say(f"version {version} is back, as version {restored.version}")


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder to be made.")],
    datastore: opt.Datastore = opt.DATASTORE,
    csv: Annotated[
        bool, typer.Option("--csv", envvar="ETHELRED_CSV", help="Write CSV files, too.")
    ] = False,
    debug: opt.Debug = False,
) -> None:
    """Write the history as Parquet files."""
    from ethelred_runner.store import opened
    from ethelred_runner.transfer import export as export_to

    with opened(datastore) as store:
        for path in export_to(store.fetch(), directory.absolute(), csv=csv):
            console.say(str(path))


@app.command("import")
def import_(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What export has written.")],
    datastore: opt.Datastore = opt.DATASTORE,
    debug: opt.Debug = False,
) -> None:
    """Make a new datastore of an export."""
    from ethelred_runner.store import opened
    from ethelred_runner.transfer import fill

    with opened(datastore) as store:
        store.create(partial(fill, directory=directory.absolute()))
        console.say(f"{store.label} holds what {directory} holds")


@app.command()
def check(
    sources: Sources = None,
    platform: opt.Platform = opt.PLATFORM,
    datastore: opt.Datastore = opt.DATASTORE,
    init: opt.Init = False,
    debug: opt.Debug = False,
) -> None:
    """Tell whether everything that a run needs is here."""
    from ethelred_runner.check import check_all
    from ethelred_runner.store import opened

    with opened(datastore) as store:
        check_all(sources or [], platform, store, init=init)


@app.command()
def demo(
    datastore: Annotated[
        str, typer.Option("--datastore", help="Another file for the simulated history.")
    ] = "",
    site: Annotated[
        Path | None, typer.Option("--site", help="Another folder for the demo's site.")
    ] = None,
    base_path: Annotated[
        str, typer.Option("--base-path", help="The path the site is published under.")
    ] = "",
    no_report: Annotated[bool, typer.Option("--no-report", help="Build no site.")] = False,
    debug: opt.Debug = False,
) -> None:
    """Do the whole job on simulated copies of two platforms, whatever the settings say."""
    from ethelred_runner.demo import DEMO_SITE
    from ethelred_runner.demo import demo as run_demo

    run_demo(datastore, site or DEMO_SITE, base_path, not no_report)


def stop(signal_number: int, frame: FrameType | None) -> NoReturn:
    """End in an orderly way, so that no copy is left behind."""
    raise SystemExit(128 + signal_number)


def forget_empty_settings() -> None:
    """Take a setting that is empty for one that isn't there, as libraries may not."""
    for name, value in list(os.environ.items()):
        if name.startswith(("ETHELRED_", "AWS_")) and not value.strip():
            del os.environ[name]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command, and turn what goes wrong into a line and an exit code."""
    signal.signal(signal.SIGTERM, stop)
    forget_empty_settings()
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given or bool(os.environ.get("ETHELRED_DEBUG"))
    if not debug:
        os.environ["RUST_BACKTRACE"] = "0"
    try:
        app(given)
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        if debug:
            console.notices.print_exception()
        console.notices.print(f"error: {line_of(error)}", style="red")
        sys.exit(exit_code_of(error))
    sys.exit(0)
