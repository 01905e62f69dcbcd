"""The datastore's file: locked, checked, and replaced in one step."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
from rich.filesize import decimal

from ethelred_runner.errors import DatastoreError

FORMAT = 1  # of the history tables; a datastore with a higher one was made by a newer Ethelred
# For another run to end before this one gives up: long enough for dbt, orphaned by a killed run.
WAIT_SECONDS = 10.0

Identity = tuple[int, int, int]


@contextmanager
def locked(datastore: Path) -> Iterator[int]:
    """Hold the datastore for one run, and yield the lock's file descriptor.

    A program that inherits the descriptor holds the lock until it ends too, so that no run
    begins while one that was killed still has a program at work.

    Raises DatastoreError if another run holds it, or its folder can't be written to.
    """
    path = datastore.with_name(f".{datastore.name}.lock")
    try:
        datastore.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DatastoreError(f"can't write beside the datastore: {error}") from error
    try:
        take_lock(lock, datastore)
        yield lock
    finally:
        os.close(lock)


def take_lock(lock: int, datastore: Path) -> None:
    """Lock the file and write this process's number into it, for others to name."""
    give_up_at = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise in_use(lock, datastore) from None
            time.sleep(0.1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def in_use(lock: int, datastore: Path) -> DatastoreError:
    """Return the error that names the run which holds the datastore."""
    holder = os.pread(lock, 20, 0).decode() or "unknown"
    if holder.isdecimal() and not is_alive(int(holder)):
        return DatastoreError(
            f"a run on {datastore} was killed (process {holder}), but the dbt that it started is "
            "still at work; try again in a minute"
        )
    return DatastoreError(
        f"another run is at work on {datastore} (process {holder}); try again when it has ended"
    )


def is_alive(process: int) -> bool:
    """Tell whether there is a process with this number, whoever it belongs to."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def explained(datastore: Path) -> Iterator[None]:
    """Turn errors of the system and of DuckDB into DatastoreError, without values of any row."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_room(datastore) from error
        raise DatastoreError(f"can't work beside {datastore}: {error}") from error
    except (MemoryError, duckdb.OutOfMemoryException) as error:
        raise DatastoreError(
            f"there is not enough memory to work on {datastore}; the datastore is as it was"
        ) from error
    except duckdb.Error as error:
        if "No space left" in str(error):
            raise no_room(datastore) from error
        raise DatastoreError(
            f"DuckDB failed on {datastore} ({type(error).__name__}); the datastore is as it was. "
            "Run it again with --debug to see where"
        ) from error


def no_room(datastore: Path) -> DatastoreError:
    """Return the error for a full disk."""
    size = datastore.stat().st_size if datastore.exists() else 0
    return DatastoreError(
        f"the disk of {datastore.parent} is full; the datastore is as it was. A run needs about "
        f"{decimal(2 * size + 20_000_000)} there for a while: make room and run again"
    )


def refuse_open_elsewhere(datastore: Path) -> None:
    """Raise DatastoreError if a program has the datastore open for writing.

    DuckDB locks the file itself; to find out, this takes and releases the same lock. No
    connection of this process may be open meanwhile: the lock would be lost with it.
    """
    with datastore.open("rb") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatastoreError(
                f"{datastore} is in use by another program, which has it open for writing; "
                "close it first"
            ) from None


def wal_of(datastore: Path) -> Path:
    """Return the path of DuckDB's write-ahead log of a database."""
    return datastore.with_name(f"{datastore.name}.wal")


def connect(datastore: Path, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open a datastore. Raises DatastoreError, in plain words, if that is impossible."""
    if not datastore.exists():
        raise missing(datastore)
    try:
        return duckdb.connect(datastore, read_only=read_only)
    except duckdb.Error as error:
        raise DatastoreError(why_not_opened(datastore, str(error))) from error


def missing(datastore: Path | str) -> DatastoreError:
    """Return the error for a datastore that isn't there: a lost one is no first run."""
    return DatastoreError(
        f"there is no datastore at {datastore}. If this is the very first run, add --init; "
        "if not, restore it: past logins live nowhere else"
    )


def why_not_opened(datastore: Path, message: str) -> str:
    """Say in plain words why DuckDB couldn't open the file."""
    if "lock" in message:
        holder = message.partition("PID ")[2].partition(")")[0] or "unknown"
        return f"{datastore} is in use by another program (process {holder}); close it first"
    if "not a valid DuckDB" in message or "storage version" in message:
        return (
            f"{datastore} is no DuckDB file that DuckDB {duckdb.__version__} can read: "
            "it is damaged, or a newer version has written it. Restore it from a backup"
        )
    return f"{datastore} can't be opened: {message.splitlines()[0]}"


def settle(datastore: Path) -> None:
    """Bring everything into the one file: afterwards there is no write-ahead log beside it."""
    with closing(connect(datastore, read_only=False)) as connection:
        connection.execute("checkpoint")
    if wal_of(datastore).exists():
        raise DatastoreError(f"{wal_of(datastore)} is left over after a checkpoint; is it in use?")


def mark_format(datastore: Path, number: int = FORMAT) -> None:
    """Write down which format the history tables have."""
    with closing(connect(datastore, read_only=False)) as connection:
        connection.execute(
            "create or replace table datastore_format as select cast(? as integer) as format",
            [number],
        )


def format_of(datastore: Path) -> int:
    """Return which format the history tables have.

    Raises DatastoreError if that isn't written down: then it is no datastore of Ethelred's.
    """
    with closing(connect(datastore)) as connection:
        try:
            rows = connection.execute("select format from datastore_format").fetchall()
        except duckdb.CatalogException:
            rows = []
    if not rows:
        raise DatastoreError(
            f"{datastore} holds no history of logins: it is no datastore of Ethelred, or it "
            "was emptied. Restore it, or choose another with --datastore"
        )
    return int(rows[0][0])


def refuse_foreign(datastore: Path) -> None:
    """Raise DatastoreError unless this is a datastore of this version of Ethelred, or older."""
    found = format_of(datastore)
    if found > FORMAT:
        raise DatastoreError(
            f"{datastore} was made by a newer Ethelred (format {found}, this one knows {FORMAT}); "
            "update Ethelred"
        )


def identity(datastore: Path) -> Identity:
    """Return what changes if anybody writes to the file or replaces it."""
    stat = datastore.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def check_unchanged(datastore: Path, before: Identity | None) -> None:
    """Raise DatastoreError if somebody else has changed the datastore since `before`."""
    now = identity(datastore) if datastore.exists() else None
    if now != before or wal_of(datastore).exists():
        raise DatastoreError(
            f"{datastore} was changed by another program during this run; run again"
        )


def replace(datastore: Path, work: Path) -> None:
    """Put the finished file in the datastore's place: at any instant it is the old or the new."""
    work.chmod(datastore.stat().st_mode if datastore.exists() else 0o600)
    sync(work)
    work.replace(datastore)
    sync(datastore.parent)


def sync(path: Path) -> None:
    """Have the system write a file or a folder to the disk now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
