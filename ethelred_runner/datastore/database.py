"""The datastore's DuckDB file: opened and checked, with what goes wrong said in plain words."""

import re
import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from rich.filesize import decimal

from ethelred_runner.errors import DatastoreError

NAME = "ethelred.duckdb"  # of every work file: its stem is the catalogue's name in DuckDB
HISTORY = ("logins", "copies", "active_users", "rejected_logins")
FORMAT = 1  # of the history tables; a datastore with a higher one was made by a newer Ethelred
LOCKED = "Could not set lock on file"
LIMITS = {  # by what the system and DuckDB say
    "No space left": "the disk is full",
    "quota exceeded": "the quota is used up",
    "File too large": "a file would be larger than this system allows",
    "Out of Memory|Cannot allocate memory|bad_alloc|^$": "there is not enough memory",
}
REASONS = {  # by what DuckDB says
    LOCKED: "in use by another program{holder}; close it first",
    "version number": "written by a newer DuckDB than this Ethelred's; update Ethelred",
    "not a valid DuckDB|[Cc]orrupt|read enough bytes|[Ss]erializ": "damaged, or no DuckDB file; "
    "restore an earlier version (ethelred versions, ethelred restore) or a backup",
    "[Pp]ermission denied": "not readable; check its permissions",
    "Is a directory": "a folder; name a file",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of the system and of DuckDB into DatastoreError, without values of any row."""
    try:
        yield
    except (OSError, MemoryError, duckdb.Error) as error:
        raise DatastoreError(explain(path, error)) from error


def explain(path: Path, error: Exception) -> str:
    """Say in plain words what could not be done, and what to do about it."""
    for pattern, limit in LIMITS.items():
        if re.search(pattern, str(error)):
            needed = 2 * path.stat().st_size + 20_000_000 if path.exists() else 20_000_000
            return (
                f"{limit} at {path.parent}; the datastore is as it was. A run needs about "
                f"{decimal(needed)} there for a while: make room and run again"
            )
    if isinstance(error, OSError):
        return f"can't work on {path}: {error.strerror} ({error.filename})"
    for pattern, reason in REASONS.items():
        if re.search(pattern, str(error)):
            process = re.search(r"PID (\d+)", str(error))
            return f"{path} is " + reason.format(
                holder=f" (process {process[1]})" if process else ""
            )
    return (
        f"DuckDB failed on {path} ({type(error).__name__}); the datastore is as it was. "
        "Run it again with --debug to see where"
    )


def missing(place: Path | str) -> DatastoreError:
    """Return the error for a datastore that isn't there: a lost one is no first run."""
    return DatastoreError(
        f"there is no datastore at {place}. If this is the very first run, add --init; "
        "if not, restore it: past logins live nowhere else"
    )


def connect(path: Path, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open a datastore. Raises DatastoreError, in plain words, if that is impossible."""
    with explained(path):
        if not path.exists():
            raise missing(path)
        return duckdb.connect(path, read_only=read_only)


def log_of(path: Path) -> Path:
    """Return the path of DuckDB's write-ahead log of a file; DuckDB puts it before a `?`."""
    stem, mark, rest = path.name.partition("?")
    return path.with_name(f"{stem}.wal{mark}{rest}")


def refuse_log(path: Path) -> None:
    """Raise DatastoreError if a write-ahead log lies beside the datastore.

    No run leaves one. DuckDB would replay it whether or not it belongs to the file, and would
    count logins twice with one that doesn't.
    """
    log = log_of(path)
    if not log.exists():
        return
    try:
        duckdb.connect(path, read_only=True).close()
    except duckdb.Error as error:
        if LOCKED in str(error):
            raise DatastoreError(explain(path, error)) from None
    aside = f"{log}.{datetime.now(UTC):%Y%m%dT%H%M%S}"
    raise DatastoreError(
        f"{log} lies beside the datastore: another program was killed while it wrote, or the file "
        "was put back beside an older log. It holds nothing that a run has committed, and opening "
        "the file with it may count logins twice. Move it away, and run again: "
        f"mv {shlex.quote(str(log))} {shlex.quote(aside)}"
    )


def refuse_foreign(path: Path, label: str) -> None:
    """Raise DatastoreError unless this is a datastore of this version of Ethelred, or older."""
    with explained(path), closing(connect(path)) as connection:
        try:
            rows = connection.execute("select format from datastore_format").fetchall()
        except duckdb.CatalogException:
            rows = []
    if not rows:
        raise DatastoreError(
            f"{label} holds no history of logins: it is no datastore of Ethelred, or it was "
            "emptied. Restore it, or choose another with --datastore"
        )
    if rows[0][0] > FORMAT:
        raise DatastoreError(
            f"{label} was made by a newer Ethelred (format {rows[0][0]}, this one knows {FORMAT}); "
            "update Ethelred"
        )


def settle(path: Path) -> None:
    """Write down the format, and bring everything into the one file: no log stays beside it."""
    with explained(path), closing(duckdb.connect(path)) as connection:
        connection.execute("create table if not exists datastore_format (format integer)")
        if connection.execute("from datastore_format").fetchall() != [(FORMAT,)]:
            connection.execute("truncate datastore_format")
            connection.execute("insert into datastore_format values (?)", [FORMAT])
        connection.execute("checkpoint")
    if log_of(path).exists():
        raise DatastoreError(f"{log_of(path)} is left over after a checkpoint; is it in use?")
