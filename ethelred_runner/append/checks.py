"""Checks, independent of dbt's tests, that no history is lost."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from ethelred_runner.datastore import (
    OPTIONAL_HISTORY_TABLES,
    REQUIRED_HISTORY_TABLES,
    attach,
    connect,
)
from ethelred_runner.errors import DatastoreError

# `copies` has the number of rows that each copy brought in, which reveals later deletions.
IS_WHOLE = """
    select
        (select count(*) from logins) >= coalesce(sum(new_logins), 0)
        and (select count(*) from active_users) = count(*)
        and (select count(*) from rejected_logins) >= coalesce(sum(rejected_logins), 0)
    from copies
"""
COLUMNS = """
    select table_name, list('"' || column_name || '"' order by column_index)
    from duckdb_columns() semi join duckdb_tables() using (database_oid, table_oid)
    where database_name = $1 and schema_name = 'main'
    group by table_name
"""
# dbt only appends, and DuckDB keeps the order. So the earlier rows are the first ones of a table.
FINGERPRINT = """
    select count(*), sum(hash({columns})) from (from {catalogue}."{table}" limit $1)
"""
ALL_ROWS = 2**60


def refuse_cut(path: Path) -> None:
    """Raise DatastoreError if rows were deleted from the history since the last build."""
    with closing(connect(path)) as connection:
        if not is_whole(connection, path.stem):
            raise DatastoreError(
                "rows are missing from the datastore: its history was cut. Restore an earlier "
                "version (ethelred versions, ethelred restore)"
            )


def check_nothing_lost(path: Path, before: Path | None) -> None:
    """Raise DatastoreError if a build has lost or changed a row of the history.

    Also raises it if the build appended too few rows to a history table. `before` is a backup from
    before the build. If it is None, the datastore is new, and nothing can be lost.
    """
    if not before:
        return
    with compared(path, before) as connection:
        had = columns_of(connection, "earlier")
        kept = [
            *REQUIRED_HISTORY_TABLES,
            *(table for table in OPTIONAL_HISTORY_TABLES if table in had),
        ]
        lost = [table for table in kept if is_lost(connection, table, had[table])]
        if lost or not is_whole(connection, path.stem):
            raise DatastoreError(
                f"the build would lose history: rows of {', '.join(lost) or 'a table'} are missing "
                "or were changed; the datastore is as it was. Was a model changed or renamed?"
            )


def is_same(path: Path, before: Path | None) -> bool:
    """Return whether a build has changed no table of the datastore."""
    if not before:
        return False
    with compared(path, before) as connection:
        tables = columns_of(connection, "earlier")
        return tables == columns_of(connection, path.stem) and not any(
            is_lost(connection, table, columns, ALL_ROWS) for table, columns in tables.items()
        )


@contextmanager
def compared(path: Path, before: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a datastore with its earlier content attached as the catalogue `earlier`."""
    with closing(connect(path)) as connection:
        attach(connection, before, "earlier")
        yield connection


def columns_of(connection: duckdb.DuckDBPyConnection, catalogue: str) -> dict[str, list[str]]:
    """Return the columns, quoted, of each table of a catalogue."""
    return dict(connection.execute(COLUMNS, [catalogue]).fetchall())


def is_whole(connection: duckdb.DuckDBPyConnection, catalogue: str) -> bool:
    """Return whether the history tables still have the rows that the copies brought in."""
    tables = columns_of(connection, catalogue).keys()
    return tables >= set(REQUIRED_HISTORY_TABLES) and ask(connection, IS_WHOLE)


def is_lost(
    connection: duckdb.DuckDBPyConnection, table: str, columns: list[str], rows: int | None = None
) -> bool:
    """Return whether a table's first rows differ from the earlier table.

    By default as many rows are compared as the earlier table has.
    """
    found = {"table": table, "columns": ", ".join(columns)}
    earlier, now = (FINGERPRINT.format(catalogue=name, **found) for name in ("earlier", "main"))
    had = connection.execute(earlier, [ALL_ROWS]).fetchall()
    try:
        return connection.execute(now, [rows or had[0][0]]).fetchall() != had
    except duckdb.Error:  # the table, or one of its columns, is missing
        return True


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> bool:
    """Return the single boolean of a query."""
    return bool(connection.execute(query).fetchall()[0][0])
