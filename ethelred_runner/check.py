"""Is everything that a run needs here: programs, settings, access to sources and datastore?"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import duckdb

from ethelred_runner import console
from ethelred_runner.dbt_plugin import load_sqlite_extension
from ethelred_runner.errors import BuildFailed, EthelredError, ReportFailed
from ethelred_runner.project import PROJECT
from ethelred_runner.report import EVIDENCE, NODE
from ethelred_runner.requests import requests_for
from ethelred_runner.sources import Source
from ethelred_runner.store import Store

Check = tuple[str, Callable[[], str]]


def check_all(sources: Sequence[str], platform: str, store: Store, *, init: bool) -> None:
    """Print what is well and what isn't. Raises the first error after all were tried."""
    failed = [
        error
        for name, check in checks(sources, platform, store, init)
        if (error := carry_out(name, check))
    ]
    if failed:
        raise failed[0]
    console.say("everything that a run needs is here")


def carry_out(name: str, check: Callable[[], str]) -> EthelredError | None:
    """Try one check, print its outcome, and return its error if it failed."""
    try:
        console.say(f"ok       {name}: {check()}")
    except EthelredError as error:
        console.say(f"not ok   {name}: {error}")
        return error
    return None


def checks(sources: Sequence[str], platform: str, store: Store, init: bool) -> Iterator[Check]:
    """Yield what to look at, in the order of a run."""
    yield "dbt", check_dbt
    yield "Evidence", check_evidence
    yield "datastore", lambda: store.check(init=init)
    yield "sources", lambda: check_sources(sources, platform)


def check_dbt() -> str:
    """Look for the dbt project, and for DuckDB's SQLite extension."""
    if not (PROJECT / "dbt_project.yml").is_file():
        raise BuildFailed(f"there is no dbt project in {PROJECT}: install Ethelred with make setup")
    try:
        with closing(duckdb.connect()) as connection:
            load_sqlite_extension(connection)
    except (duckdb.Error, ImportError) as error:
        raise BuildFailed("DuckDB's SQLite extension can't be loaded: run make setup") from error
    return f"DuckDB {duckdb.__version__} with its SQLite extension"


def check_evidence() -> str:
    """Look for Node and the report's packages."""
    for path in (NODE, EVIDENCE):
        if not path.exists():
            raise ReportFailed(f"{path} is missing: run make setup")
    return "Node and the report's packages"


def check_sources(sources: Sequence[str], platform: str) -> str:
    """Look whether each source can be opened; nothing is downloaded."""
    found = [request.found_source() for request in requests_for(sources, platform, None)]
    for source in found:
        asyncio.run(open_once(source))
    return ", ".join(source.label for source in found)


async def open_once(source: Source) -> None:
    """Open a source and close it again."""
    async with source.open(0, None):
        pass
