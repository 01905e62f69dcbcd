"""The commands about the datastore itself."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ethelred_runner import console
from ethelred_runner.append.append import import_datastore
from ethelred_runner.append.retract import find_copy
from ethelred_runner.append.retract import retract as retract_copy
from ethelred_runner.cli import options as opt
from ethelred_runner.cli.commands import app as app
from ethelred_runner.datastore import (
    export_history,
    open_datastore,
    open_shell,
    read_copies,
    read_status,
)
from ethelred_runner.obtain.copy_requests import requests_for
from ethelred_runner.watch.retraction import say_what_goes, say_what_went
from ethelred_runner.watch.status import refuse_stale, show_copies, show_status, show_versions
from ethelred_runner.watch.wording import format_iso


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
    version: Annotated[int, typer.Argument(min=1, help="A number that ethelred versions lists.")],
    datastore: opt.Datastore = opt.DATASTORE,
    debug: opt.Debug = False,
) -> None:
    """Make an earlier version of a datastore the newest again."""
    with open_datastore(datastore) as store:
        restored = store.restore(version)
    console.say(f"version {version} was restored as version {restored.version}")


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
    """Take a copy out of the history, and read other copies again for logins shared with it.

    If no SOURCE is given, the configured source of the copy's platform is read.
    """
    with open_datastore(datastore) as store:
        copy = find_copy(store.readable_path(), copy_id, platform)
        say_what_goes(copy)
        requests = requests_for(sources or [], copy["platform"], None)
        say_what_went(retract_copy(copy, requests, store, dry_run=dry_run), store.label)


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to create.")],
    datastore: opt.Datastore = opt.DATASTORE,
    debug: opt.Debug = False,
) -> None:
    """Write the history as Parquet files."""
    with open_datastore(datastore) as store:
        for path in export_history(store.readable_path(), directory.absolute()):
            console.say(str(path))


@app.command("import")
def import_(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export.")],
    datastore: opt.Datastore = opt.DATASTORE,
    debug: opt.Debug = False,
) -> None:
    """Create a datastore from an export."""
    with open_datastore(datastore) as store:
        import_datastore(directory.absolute(), store)
        console.say(f"{store.label} holds the history of {directory}")
