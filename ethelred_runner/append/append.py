"""Append the logins of copies to a datastore: on a copy of it, swapped in when all is well."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ethelred_runner.copies import Copy, write_manifest
from ethelred_runner.datastore import (
    Identity,
    check_unchanged,
    explained,
    identity,
    locked,
    mark_format,
    missing,
    no_room,
    refuse_foreign,
    refuse_open_elsewhere,
    replace,
    settle,
)
from ethelred_runner.dbt import run_dbt
from ethelred_runner.errors import BuildFailed, DatastoreError
from ethelred_runner.history import (
    HISTORY,
    check_kept_up,
    check_nothing_gone,
    check_unique,
    check_whole,
    same_content,
)
from ethelred_runner.migrate import migrate
from ethelred_runner.project import PROJECT
from ethelred_runner.summary import Summary, copy_ids, summarise
from ethelred_runner.wal import take_over_wal

# The stem is the catalogue's name in DuckDB, so it is the same for every datastore.
WORK_NAME = "ethelred.duckdb"

Fill = Callable[[Path], None]


@dataclass(frozen=True)
class Build:
    """What a build did; `changed` is False if the datastore already held all of it."""

    summary: Summary
    changed: bool


def build(
    copies: Sequence[Copy], datastore: Path, *, init: bool = False, failed: Path | None = None
) -> Build:
    """Append the copies' logins, test the result, and replace the datastore in one step.

    Raises DatastoreError if the datastore is missing (unless `init`), locked, in another format,
    changed by somebody else meanwhile, or would lose history, or if the disk is full; BuildFailed
    if a model or a test fails. The datastore is then as it was, and the build is kept as `failed`,
    which lies on the same disk (beside the datastore unless given).
    """
    with locked(datastore) as lock, explained(datastore), work_folder(datastore) as folder:
        before = prepare(datastore, folder, init=init)
        work = folder / WORK_NAME
        if before:
            shutil.copyfile(datastore, work)
        known = copy_ids(datastore) if before else []
        with kept_when_failing(datastore, folder, failed):
            build_work(copies, work, lock, datastore if before else None)
        summary = summarise(work, known, len(copies))
        changed = not before or not same_content(datastore, work)
        if changed:
            check_unchanged(datastore, before)
            replace(datastore, work)
    return Build(summary, changed)


def create(datastore: Path, fill: Fill, *, failed: Path | None = None) -> None:
    """Make a datastore of the history tables that `fill` writes into an empty file.

    Raises DatastoreError if there is one already; else as `build`.
    """
    with locked(datastore) as lock, explained(datastore), work_folder(datastore) as folder:
        if datastore.exists():
            raise DatastoreError(f"{datastore} exists already; nothing is ever put over a history")
        filled, work = folder / "filled.duckdb", folder / WORK_NAME
        fill(filled)
        shutil.copyfile(filled, work)
        with kept_when_failing(datastore, folder, failed):
            build_work([], work, lock, filled)
            check_unique(work)
        check_unchanged(datastore, None)
        replace(datastore, work)


def build_work(copies: Sequence[Copy], work: Path, lock: int, before: Path | None) -> None:
    """Have dbt build and test in the work file, and see that it holds all that `before` does.

    Raises BuildFailed if dbt does, DatastoreError if history would be lost.
    """
    check_models()
    try:
        run_dbt(work, write_manifest(copies, work.with_name("copies.json")), lock)
    except BuildFailed as failed:
        name_loss(before, work, failed)
        raise
    mark_format(work)
    settle(work)
    check_kept_up(work)
    if before:
        check_nothing_gone(before, work)


def name_loss(before: Path | None, work: Path, failed: BuildFailed) -> None:
    """Raise DatastoreError if lost history is what stands behind a failed build."""
    if not before:
        return
    try:
        check_nothing_gone(before, work)
    except DatastoreError as loss:
        raise DatastoreError(f"{loss}\n{failed}") from failed
    except duckdb.Error:
        return  # the file isn't whole: dbt was cut off, which the failure tells


def check_models() -> None:
    """Raise DatastoreError if a history table has no model any more."""
    names = {path.stem for path in (PROJECT / "models").rglob("*.sql")}
    for table in HISTORY:
        if table not in names:
            raise DatastoreError(
                f"the build would lose history: no model is called {table} any more, so nothing "
                "would be appended to that table; give the model its name back"
            )


def prepare(datastore: Path, folder: Path, *, init: bool) -> Identity | None:
    """Return what identifies the datastore's file now, or None if it is to be created.

    Raises DatastoreError if it is missing without `init`, or can't be used.
    """
    if not datastore.exists():
        if init:
            return None
        raise missing(datastore)
    refuse_open_elsewhere(datastore)
    take_over_wal(datastore, folder)
    refuse_foreign(datastore)
    migrate(datastore, folder)
    check_whole(datastore)
    return identity(datastore)


@contextmanager
def work_folder(datastore: Path) -> Iterator[Path]:
    """Make an empty folder beside the datastore, private, and remove it at the end.

    Its name is always the same, so that what a killed run left goes with the next one.
    """
    folder = datastore.with_name(f".{datastore.name}.work")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_when_failing(datastore: Path, folder: Path, kept: Path | None) -> Iterator[None]:
    """Keep a build that fails for a look, and name it in the error.

    One is kept, the last; none on a disk that is full, or the next run would fail for it too.
    """
    try:
        yield
    except (BuildFailed, DatastoreError) as error:
        if disk_is_full(datastore, folder):
            raise no_room(datastore) from error
        (folder / "copies.json").unlink(missing_ok=True)
        kept = kept or datastore.with_name(f"{datastore.name}.failed")
        shutil.rmtree(kept, ignore_errors=True)
        folder.rename(kept)
        raise type(error)(
            f"{error}\nThe datastore is as it was; the failed build is kept in {kept}"
        ) from error


def disk_is_full(datastore: Path, folder: Path) -> bool:
    """Tell whether the disk has no room for another build of this size."""
    needed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return shutil.disk_usage(datastore.parent).free < max(needed, 2**20)
