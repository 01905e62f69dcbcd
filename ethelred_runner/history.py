"""The runner's own check, behind dbt's, that a build lost nothing of the history."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from ethelred_runner.errors import DatastoreError

HISTORY = ("logins", "copies", "active_users", "rejected_logins")

# Order doesn't matter to it, and it needs no memory: that holds at 100 million logins too.
FINGERPRINT = """
    select count(*), bit_xor(hash(platform, logged_in_at, ordinal, copy_id, appended_at))
    from {side}.logins where appended_at <= (select max(appended_at) from before.logins)
"""


@contextmanager
def side_by_side(before: Path, after: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open two datastores read-only as the catalogues `before` and `after`."""
    with closing(duckdb.connect()) as connection:
        for name, path in (("before", before), ("after", after)):
            quoted = str(path).replace("'", "''")
            connection.execute(f"attach '{quoted}' as {name} (read_only)")
        yield connection


def check_nothing_gone(before: Path, after: Path) -> None:
    """Raise DatastoreError if a login, a copy or a day of `before` is missing in `after`."""
    with side_by_side(before, after) as connection:
        for table in HISTORY:
            if count_gone(connection, table):
                raise DatastoreError(f"the build would lose history: rows of {table} are gone")
        if count_shortened_days(connection):
            raise DatastoreError(
                "the build would lose history: days of logins_per_day are gone or have fewer logins"
            )


def count_gone(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return how many rows of a history table are gone, or have changed."""
    if table not in columns(connection, "after"):
        return 1
    if table == "logins":
        sides = [
            connection.execute(FINGERPRINT.format(side=side)).fetchone()
            for side in ("before", "after")
        ]
        return int(sides[0] != sides[1])
    wanted = ", ".join(columns(connection, "before")[table])
    return rows_without_equal(connection, f"before.{table}", f"after.{table}", wanted)


def count_shortened_days(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many days of the daily counts are gone or count fewer logins."""
    if "logins_per_day" not in columns(connection, "after"):
        return 1
    row = connection.execute(
        """
        select count(*) from before.logins_per_day as old
        left join after.logins_per_day as new using (platform, day)
        where new.logins is null or new.logins < old.logins
        """
    ).fetchone()
    return int(row[0]) if row else 0


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


def columns(connection: duckdb.DuckDBPyConnection, side: str) -> dict[str, list[str]]:
    """Return the tables of a catalogue with their columns in order."""
    found: dict[str, list[str]] = {}
    rows = connection.execute(
        "select table_name, column_name from duckdb_columns()"
        " where database_name = ? and schema_name = 'main' order by table_name, column_index",
        [side],
    ).fetchall()
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return found
