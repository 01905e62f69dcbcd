"""Bring a datastore that an older version of Ethelred made to the present format, once.

`migrations/format-N.sql` brings a datastore of format N - 1 to format N.
"""

import os
import shutil
from contextlib import closing
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.datastore import (
    FORMAT,
    connect,
    format_of,
    mark_format,
    replace,
    settle,
    sync,
)
from ethelred_runner.errors import DatastoreError
from ethelred_runner.history import check_whole, count_rows
from ethelred_runner.project import PROJECT

MIGRATIONS = PROJECT / "migrations"


def migrate(
    datastore: Path, folder: Path, *, migrations: Path = MIGRATIONS, to: int = FORMAT
) -> None:
    """Migrate the datastore on a copy in `folder`, keep the old one beside it, replace it.

    Raises DatastoreError if a step is missing, or if rows of the history were gone after it.
    """
    found = format_of(datastore)
    if found >= to:
        return
    work = folder / "migrated.duckdb"
    shutil.copyfile(datastore, work)
    for step in range(found + 1, to + 1):
        run_step(work, migrations / f"format-{step}.sql")
    mark_format(work, to)
    settle(work)
    check_whole(work)
    if count_rows(work) != count_rows(datastore):
        raise DatastoreError(f"the migration of {datastore} to format {to} would lose history")
    kept = keep(datastore, found)
    replace(datastore, work)
    console.note(f"{datastore.name} is now in format {to}; the one before is kept as {kept.name}")


def run_step(work: Path, script: Path) -> None:
    """Run one step as one transaction."""
    if not script.exists():
        raise DatastoreError(f"{script} is missing: this Ethelred isn't whole; install it again")
    with closing(connect(work, read_only=False)) as connection:
        connection.execute("begin")
        connection.execute(script.read_text(encoding="utf-8"))
        connection.execute("commit")


def keep(datastore: Path, found: int) -> Path:
    """Give the file of the old format a second name, and return it."""
    kept = datastore.with_name(f"{datastore.name}.format-{found}")
    if not kept.exists():  # a run that was killed here has made it already
        os.link(datastore, kept)
        sync(kept.parent)
    return kept
