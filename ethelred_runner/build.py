"""Append the logins of copies to a datastore: on a copy of it, swapped in when all is well."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ethelred_runner.copies import Copy, write_manifest
from ethelred_runner.datastore import (
    Identity,
    check_unchanged,
    identity,
    locked,
    mark_format,
    missing,
    refuse_foreign,
    replace,
    settle,
    wal_of,
)
from ethelred_runner.dbt import run_dbt
from ethelred_runner.errors import BuildFailed, DatastoreError
from ethelred_runner.history import check_nothing_gone, same_content
from ethelred_runner.summary import Summary, copy_ids, summarise

# The stem is the catalogue's name in DuckDB, so it is the same for every datastore.
WORK_NAME = "ethelred.duckdb"


@dataclass(frozen=True)
class Build:
    """What a build did; `changed` is False if the datastore already held all of it."""

    summary: Summary
    changed: bool


def build(copies: Sequence[Copy], datastore: Path, *, init: bool = False) -> Build:
    """Append the copies' logins, test the result, and replace the datastore in one step.

    Raises DatastoreError if the datastore is missing (unless `init`), locked, in another format,
    changed by somebody else meanwhile, or would lose history; BuildFailed if a model or a test
    fails. The datastore is then as it was.
    """
    with locked(datastore) as lock, work_folder(datastore) as folder:
        before = prepare(datastore, init=init)
        work = folder / WORK_NAME
        if before:
            shutil.copyfile(datastore, work)
        manifest = write_manifest(copies, folder / "copies.json")
        with kept_when_failing(datastore, folder):
            run_dbt(work, manifest, lock)
            mark_format(work)
            settle(work)
            if before:
                check_nothing_gone(datastore, work)
        summary = summarise(work, copy_ids(datastore) if before else [], len(copies))
        changed = not before or not same_content(datastore, work)
        if changed:
            check_unchanged(datastore, before)
            replace(datastore, work)
    return Build(summary, changed)


def prepare(datastore: Path, *, init: bool) -> Identity | None:
    """Return what identifies the datastore's file now, or None if it is to be created.

    Raises DatastoreError if it is missing without `init`, or can't be used.
    """
    if not datastore.exists():
        if init:
            return None
        raise missing(datastore)
    if wal_of(datastore).exists():
        settle(datastore)
    refuse_foreign(datastore)
    return identity(datastore)


@contextmanager
def work_folder(datastore: Path) -> Iterator[Path]:
    """Make an empty folder beside the datastore, private, and remove it at the end."""
    folder = datastore.with_name(f".{datastore.name}.work")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_when_failing(datastore: Path, folder: Path) -> Iterator[None]:
    """Keep a build that fails for a look, beside the datastore, and name it in the error."""
    try:
        yield
    except (BuildFailed, DatastoreError) as error:
        (folder / "copies.json").unlink(missing_ok=True)
        kept = datastore.with_name(f"{datastore.name}.failed")
        shutil.rmtree(kept, ignore_errors=True)
        folder.rename(kept)
        raise type(error)(
            f"{error}\nThe datastore is as it was; the failed build is kept in {kept}"
        ) from error
