"""The runner's own checks, behind dbt's, that no history is lost."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from ethelred_runner.datastore import HISTORY, connect
from ethelred_runner.errors import DatastoreError

Fingerprint = tuple[int, int]  # the number of rows, and the sum of their hashes

# What a copy brought in is recorded with it, so that rows deleted later are missed.
IS_WHOLE = """
    select
        (select count(*) from logins) >= coalesce(sum(new_logins), 0)
        and (select count(*) from active_users) = count(*)
        and (select count(*) from rejected_logins) >= coalesce(sum(rejected_logins), 0)
    from copies
"""
COLUMNS = """
    select table_name, list(column_name order by column_index)
    from duckdb_columns() semi join duckdb_tables() using (database_oid, table_oid)
    where database_name = current_database() and schema_name = 'main'
    group by table_name
"""


@dataclass(frozen=True)
class History:
    """What a datastore held before a build, so that its rows can be found again after it.

    `tables` has the fingerprint of every table, to see whether a build changed anything.
    """

    columns: dict[str, list[str]]
    copy_ids: list[str]
    last_appended_at: datetime | None
    tables: dict[str, Fingerprint]


def read_history(path: Path) -> History:
    """Return what a datastore holds. Raises DatastoreError if its history was cut."""
    with closing(connect(path)) as connection:
        columns = dict(connection.execute(COLUMNS).fetchall())
        if not is_whole(connection, columns):
            raise DatastoreError(
                "rows are missing from the datastore: its history was cut. Restore an earlier "
                "version (ethelred versions, ethelred restore)"
            )
        copy_ids = [row[0] for row in connection.execute("select copy_id from copies").fetchall()]
        newest = connection.execute("select max(appended_at) from logins").fetchall()[0][0]
        tables = {table: fingerprint(connection, table, columns[table]) for table in columns}
        return History(columns, copy_ids, newest, tables)


def check_nothing_gone(path: Path, before: History) -> None:
    """Raise DatastoreError if a row of the history before a build is gone, or has changed.

    Also if the build didn't append to every history table what it had to.
    """
    with closing(connect(path)) as connection:
        lost = [table for table in HISTORY if not is_kept(connection, table, before)]
        if lost or not is_whole(connection, dict(connection.execute(COLUMNS).fetchall())):
            raise DatastoreError(
                f"the build would lose history: rows of {', '.join(lost) or 'a table'} are gone or "
                "missing; the datastore is as it was. Was a model changed or renamed?"
            )


def is_whole(connection: duckdb.DuckDBPyConnection, columns: dict[str, list[str]]) -> bool:
    """Tell whether the history tables have at least the rows that the copies brought in."""
    return set(HISTORY) <= set(columns) and bool(connection.execute(IS_WHOLE).fetchall()[0][0])


def is_kept(connection: duckdb.DuckDBPyConnection, table: str, before: History) -> bool:
    """Tell whether all rows that a history table had are still there, as they were."""
    known: Any = before.copy_ids
    condition = "copy_id in (select unnest($known))"
    if table == "logins":  # a copy read again may show more, once a model was mended
        condition, known = "appended_at <= $known", before.last_appended_at
    try:
        found = fingerprint(connection, table, before.columns[table], condition, {"known": known})
    except duckdb.Error:  # the table, or a column of it, is gone
        return False
    return found == before.tables[table]


def fingerprint(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: list[str],
    condition: str = "true",
    values: dict[str, Any] | None = None,
) -> Fingerprint:
    """Return the fingerprint of a table's rows, whatever their order."""
    names = ", ".join(f'"{name}"' for name in columns)
    query = f'select count(*), coalesce(sum(hash({names})), 0) from "{table}" where {condition}'  # noqa: S608
    found: Fingerprint = connection.execute(query, values).fetchall()[0]
    return found
