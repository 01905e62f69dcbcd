"""The datastore's DuckDB file: open it, check it, and checkpoint it."""

import shlex
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ethelred_runner.datastore.reasons import LOCKED, as_datastore_errors, explain
from ethelred_runner.errors import DatastoreError

NAME = "ethelred.duckdb"  # of each work file; views refer to its stem as the catalogue
REQUIRED_HISTORY_TABLES = ("logins", "copies", "active_users", "rejected_logins")
# These accumulate too, but a datastore or an export of an older version may lack them.
OPTIONAL_HISTORY_TABLES = ("doubted_copies", "retracted_copies")
FORMAT = 2  # of the history tables


@dataclass
class Checkout:
    """A private work file with the datastore's content; missing if the datastore is new."""

    path: Path
    is_discarded: bool = False

    def discard(self) -> None:
        """Commit nothing on leaving."""
        self.is_discarded = True


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a datastore read only. Raises DatastoreError, in plain words, if that fails."""
    with as_datastore_errors(path):
        return duckdb.connect(path, read_only=True)


def attach(connection: duckdb.DuckDBPyConnection, path: Path, catalogue: str) -> None:
    """Attach a DuckDB file at any path under a catalogue's name, read only."""
    quoted = str(path).replace("'", "''")
    connection.execute(f"attach '{quoted}' as {catalogue} (read_only)")


def refuse_wal(path: Path) -> None:
    """Raise DatastoreError if there is a write-ahead log beside the datastore.

    No run leaves one. DuckDB would replay the log even if it belongs to another file, which could
    count logins twice.
    """
    log = path.with_name(f"{path.name}.wal")
    with as_datastore_errors(path):
        if not log.exists():
            return
    try:
        duckdb.connect(path, read_only=True).close()
    except duckdb.Error as error:
        if LOCKED in str(error):
            raise explain(path, error) from None
    aside = f"{log}.{datetime.now(UTC):%Y%m%dT%H%M%S}"
    raise DatastoreError(
        f"{log} lies beside the datastore: another program was killed while it wrote, or the file "
        "was put back beside an older log. The log holds nothing that a run has committed, and "
        "opening the file with it may count logins twice. Move the log away, and run again: "
        f"mv {shlex.quote(str(log))} {shlex.quote(aside)}"
    )


def check_format(path: Path, label: str) -> None:
    """Raise DatastoreError unless this is a datastore of this version of Ethelred."""
    with as_datastore_errors(label), closing(duckdb.connect(path, read_only=True)) as connection:
        found = connection.execute("select max(format) from datastore_format").fetchall()[0][0]
    if found is not None and found < FORMAT:
        raise DatastoreError(
            f"{label} was made by an older Ethelred (format {found}, this one knows {FORMAT}), "
            "from before its first release; begin a new datastore with the copies that you have"
        )
    if found is None or found > FORMAT:
        raise DatastoreError(
            f"{label} was made by a newer Ethelred (format {found}, this one knows {FORMAT}); "
            "update Ethelred"
        )


def settle(path: Path) -> None:
    """Store the format, and checkpoint, so that no write-ahead log remains."""
    with as_datastore_errors(path), closing(duckdb.connect(path)) as connection:
        connection.execute(f"create or replace table datastore_format as select {FORMAT} as format")
        connection.execute("checkpoint")
    refuse_wal(path)
