"""The runner's own checks, behind dbt's, that no history is lost."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from ethelred_runner.datastore import connect
from ethelred_runner.errors import DatastoreError

HISTORY = ("logins", "copies", "active_users", "rejected_logins")
KEYS = {
    "logins": "platform, logged_in_at, ordinal",
    "copies": "platform, copy_id",
    "active_users": "platform, copy_id",
}

# Order doesn't matter to it, and it needs no memory: that holds at 100 million logins too.
FINGERPRINT = """
    select count(*), bit_xor(hash({names}))
    from {side}.logins where appended_at <= (select max(appended_at) from before.logins)
"""

# What a copy brought in is written down with it, so that rows deleted later are missed.
SHORTENED = """
    select
        (select count(*) from logins) < (select coalesce(sum(new_logins), 0) from copies),
        (select count(*) from active_users) != (select count(*) from copies),
        (select count(*) from rejected_logins)
        < (select coalesce(sum(rejected_logins), 0) from copies)
"""


@contextmanager
def side_by_side(before: Path, after: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open two datastores read-only as the catalogues `before` and `after`."""
    with closing(duckdb.connect()) as connection:
        spill = str(after.with_name("spill")).replace("'", "''")
        connection.execute(f"set temp_directory = '{spill}'")
        for name, path in (("before", before), ("after", after)):
            quoted = str(path).replace("'", "''")
            connection.execute(f"attach '{quoted}' as {name} (read_only)")
        yield connection


def check_whole(datastore: Path) -> None:
    """Raise DatastoreError if a history table is missing or has fewer rows than were appended."""
    for table in cut_tables(datastore):
        raise DatastoreError(
            f"rows of {table} are missing from {datastore}: its history was cut. Restore it from a "
            "backup (or an earlier version: ethelred versions)"
        )


def check_kept_up(work: Path) -> None:
    """Raise DatastoreError if a build didn't append to every history table what it had to."""
    for table in cut_tables(work):
        raise DatastoreError(
            f"the build would lose history: {table} has fewer rows than copies says; was a model "
            "renamed, or does it drop rows?"
        )


def cut_tables(datastore: Path) -> list[str]:
    """Return the history tables that are missing or have fewer rows than were appended."""
    with closing(connect(datastore)) as connection:
        missing = set(HISTORY) - set(columns(connection))
        if missing:
            return sorted(missing)
        row = connection.execute(SHORTENED).fetchall()[0]
    tables = ("logins", "active_users", "rejected_logins")
    return [table for table, is_short in zip(tables, row, strict=True) if is_short]


def check_unique(datastore: Path) -> None:
    """Raise DatastoreError if a row of the history is there twice."""
    with closing(connect(datastore)) as connection:
        for table, key in KEYS.items():
            query = f"select 1 from {table} group by {key} having count(*) > 1 limit 1"  # noqa: S608
            if connection.execute(query).fetchall():
                raise DatastoreError(f"{datastore} has rows of {table} twice")


def count_rows(datastore: Path) -> list[int]:
    """Return the number of rows of each history table."""
    with closing(connect(datastore)) as connection:
        counts = [connection.table(table).count("*").fetchall() for table in HISTORY]
    return [int(rows[0][0]) for rows in counts]


def check_nothing_gone(before: Path, after: Path) -> None:
    """Raise DatastoreError if a login, a copy or a day of `before` is missing in `after`."""
    with side_by_side(before, after) as connection:
        old, new = columns(connection, "before"), columns(connection, "after")
        for table in HISTORY:
            if is_gone(connection, table, old[table], new.get(table, [])):
                raise DatastoreError(f"the build would lose history: rows of {table} are gone")
        if "logins_per_day" in old and is_shortened(connection, new):
            raise DatastoreError(
                "the build would lose history: days of logins_per_day are gone or have fewer logins"
            )


def is_gone(
    connection: duckdb.DuckDBPyConnection, table: str, old: list[str], new: list[str]
) -> bool:
    """Tell whether rows or columns of a history table are gone, or have changed."""
    if not set(old) <= set(new):
        return True
    names = ", ".join(f'"{name}"' for name in old)
    if table != "logins":
        return bool(rows_without_equal(connection, f"before.{table}", f"after.{table}", names))
    sides = [
        connection.execute(FINGERPRINT.format(side=side, names=names)).fetchone()
        for side in ("before", "after")
    ]
    return sides[0] != sides[1]


def is_shortened(connection: duckdb.DuckDBPyConnection, new: dict[str, list[str]]) -> bool:
    """Tell whether days of the daily counts are gone or count fewer logins."""
    if not {"platform", "day", "logins"} <= set(new.get("logins_per_day", [])):
        return True
    row = connection.execute(
        """
        select count(*) from before.logins_per_day as old
        left join after.logins_per_day as new using (platform, day)
        where new.logins is null or new.logins < old.logins
        """
    ).fetchone()
    return bool(row and row[0])


def same_content(before: Path, after: Path) -> bool:
    """Tell whether two datastores, of which `after` lost nothing, hold the same."""
    with side_by_side(before, after) as connection:
        tables = columns(connection, "before")
        if tables != columns(connection, "after"):
            return False
        return all(same_rows(connection, table, names) for table, names in tables.items())


def same_rows(connection: duckdb.DuckDBPyConnection, table: str, names: list[str]) -> bool:
    """Tell whether a table has the same rows on both sides."""
    old, new = f"before.{table}", f"after.{table}"
    counts = connection.execute(
        f"select (select count(*) from {old}), (select count(*) from {new})"  # noqa: S608
    ).fetchall()[0]
    if counts[0] != counts[1]:
        return False
    return table == "logins" or not rows_without_equal(connection, old, new, ", ".join(names))


def rows_without_equal(
    connection: duckdb.DuckDBPyConnection, table: str, other: str, names: str
) -> int:
    """Return how many rows of a table have no equal in the other."""
    query = f"select {names} from {table} except all select {names} from {other}"  # noqa: S608
    return len(connection.execute(query).fetchall())


def columns(connection: duckdb.DuckDBPyConnection, side: str | None = None) -> dict[str, list[str]]:
    """Return the tables (not the views) of a catalogue with their columns in order."""
    found: dict[str, list[str]] = {}
    rows = connection.execute(
        "select table_name, column_name from duckdb_columns()"
        " semi join duckdb_tables() using (database_oid, table_oid)"
        " where database_name = coalesce(?, current_database()) and schema_name = 'main'"
        " order by table_name, column_index",
        [side],
    ).fetchall()
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return found
