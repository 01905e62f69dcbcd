"""The runner's own checks, behind dbt's, that no history is lost."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from ethelred_runner.datastore import HISTORY, connect
from ethelred_runner.errors import DatastoreError

Fingerprint = tuple[int, int]  # the number of rows, and the sum of their hashes

# What a copy brought in is recorded with it, so that rows deleted later are missed.
SHORT_TABLES = """
    select unnest([
        if((select count(*) from logins) < (select sum(new_logins) from copies), 'logins', null),
        if(
            (select count(*) from active_users) != (select count(*) from copies),
            'active_users', null
        ),
        if(
            (select count(*) from rejected_logins) < (select sum(rejected_logins) from copies),
            'rejected_logins', null
        )
    ]) as short_table
"""


@dataclass(frozen=True)
class History:
    """What a datastore held before a build, so that its rows can be found again after it."""

    columns: dict[str, list[str]]
    copy_ids: list[str]
    last_appended_at: datetime | None
    fingerprints: dict[str, Fingerprint | None]


def read_history(path: Path) -> History:
    """Return what identifies the history of a datastore, whatever the order of its rows.

    Raises DatastoreError if a history table is missing or has fewer rows than were appended.
    """
    with closing(connect(path)) as connection:
        short = short_tables(connection)
        if short:
            raise DatastoreError(
                f"rows of {short[0]} are missing from the datastore: its history was cut. Restore "
                "an earlier version (ethelred versions, ethelred restore)"
            )
        copy_ids = [row[0] for row in connection.execute("select copy_id from copies").fetchall()]
        newest = connection.execute("select max(appended_at) from logins").fetchall()[0][0]
        columns = columns_of_tables(connection)
        history = History(columns, copy_ids, newest, {})
        for table in HISTORY:
            history.fingerprints[table] = fingerprint_of(connection, table, history)
        return history


def check_nothing_gone(path: Path, before: History) -> None:
    """Raise DatastoreError if a row of the history before a build is gone, or has changed.

    Also if the build didn't append to every history table what it had to.
    """
    with closing(connect(path)) as connection:
        for table in HISTORY:
            if fingerprint_of(connection, table, before) != before.fingerprints[table]:
                raise DatastoreError(
                    f"the build would lose history: rows of {table} are gone or have changed; "
                    "the datastore is as it was. Was a model changed?"
                )
        check_appended(connection)


def check_appended(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise DatastoreError if a history table lacks what the copies are said to have brought."""
    for table in short_tables(connection):
        raise DatastoreError(
            f"the build would lose history: {table} has fewer rows than copies says; was a model "
            "renamed, or does it drop rows?"
        )


def short_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the history tables that are missing or have fewer rows than were appended."""
    missing = set(HISTORY) - set(columns_of_tables(connection))
    if missing:
        return sorted(missing)
    rows = connection.execute(SHORT_TABLES).fetchall()
    return [table for (table,) in rows if table]


def fingerprint_of(
    connection: duckdb.DuckDBPyConnection, table: str, history: History
) -> Fingerprint | None:
    """Return the fingerprint of the rows that a history has; None if a column is gone."""
    known = "copy_id in (select unnest($copy_ids))"
    if table == "logins":  # a copy read again may show more, once a model was mended
        known = "appended_at <= $last_appended_at"
    values = {"copy_ids": history.copy_ids, "last_appended_at": history.last_appended_at}
    names = ", ".join(f'"{name}"' for name in history.columns[table])
    query = f"select count(*), coalesce(sum(hash({names})), 0) from {table} where {known}"  # noqa: S608
    needed = {name: value for name, value in values.items() if f"${name}" in known}
    try:
        return connection.execute(query, needed).fetchall()[0]
    except duckdb.Error:
        return None


def fingerprint_tables(path: Path) -> dict[str, Fingerprint]:
    """Return the fingerprint of every table of a datastore, to see whether a build changed it."""
    with closing(connect(path)) as connection:
        found = {}
        for table, columns in columns_of_tables(connection).items():
            names = ", ".join(f'"{name}"' for name in columns)
            query = f'select count(*), coalesce(sum(hash({names})), 0) from "{table}"'  # noqa: S608
            found[f"{table}({names})"] = connection.execute(query).fetchall()[0]
        return found


def columns_of_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return the tables (not the views) of a datastore with their columns in order."""
    rows = connection.execute(
        "select table_name, list(column_name order by column_index) from duckdb_columns()"
        " semi join duckdb_tables() using (database_oid, table_oid)"
        " where database_name = current_database() and schema_name = 'main' group by table_name"
    ).fetchall()
    return dict(rows)
