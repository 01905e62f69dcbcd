"""A write-ahead log that somebody has left beside the datastore.

No run leaves one. DuckDB replays it at the next opening, whether or not it belongs to the file:
one of an older file, beside a restored backup, silently appends rows a second time.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ethelred_runner import console
from ethelred_runner.datastore import refuse_foreign, replace, settle, sync, wal_of
from ethelred_runner.errors import DatastoreError
from ethelred_runner.history import check_nothing_gone, check_unique, check_whole


def take_over_wal(datastore: Path, folder: Path) -> None:
    """Replay the log on a copy; keep the result if history is whole, else set the log aside.

    `folder` is for the copies. Afterwards there is no log beside the datastore.
    """
    wal = wal_of(datastore)
    if not wal.exists():
        return
    without, replayed = folder / "without.duckdb", folder / "replayed.duckdb"
    shutil.copyfile(datastore, without)
    shutil.copyfile(datastore, replayed)
    shutil.copyfile(wal, wal_of(replayed))
    if is_sound(without, replayed):
        # Killed between the two, the next run finds a log that has been replayed: sets it aside.
        replace(datastore, replayed)
        wal.unlink()
        sync(wal.parent)
        console.warn(f"another program had left changes in {wal.name}; they are taken over")
    else:
        console.warn(
            f"{wal.name} doesn't belong to {datastore}: it is set aside as {set_aside(wal).name}"
        )


def is_sound(without: Path, replayed: Path) -> bool:
    """Tell whether a file with its log replayed still holds all history, each login once."""
    try:
        settle(replayed)
        refuse_foreign(replayed)
        check_nothing_gone(without, replayed)
        check_whole(replayed)
        check_unique(replayed)
    except (DatastoreError, duckdb.Error):
        return False
    return True


def set_aside(wal: Path) -> Path:
    """Rename a log so that DuckDB doesn't see it, and return its new path."""
    aside = wal.with_name(f"{wal.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    wal.rename(aside)
    sync(wal.parent)
    return aside
