"""The dbt-duckdb plugin that shows the copies of a run to dbt as sources.

It makes an in-memory catalogue, `obtained`, with one table of users per platform, and takes over
the one column that is needed from each copy that the manifest named by `ETHELRED_COPIES` lists.
Without a manifest the tables are empty, so that plain dbt commands work.
"""

import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from ethelred_runner.platforms import Platform, read_platforms

COPIES_OBTAINED = """
    create table obtained.ethelred.copies_obtained (
        platform varchar, copy_number integer, content_sha256 varchar, modified_at timestamp,
        named_on date, stated_taken_at timestamp, obtained_at timestamp
    )
"""


class Plugin(BasePlugin):
    """Called by dbt-duckdb for each connection that it opens."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Make the catalogue `obtained` and fill it from the copies of the run."""
        platforms = read_platforms()
        create_catalogue(conn, platforms.values())
        copies = list(listed_copies())
        if copies:
            load_sqlite_extension(conn)
        for copy in copies:
            take_over(conn, copy, platforms[copy["platform"]["platform"]])


def create_catalogue(conn: duckdb.DuckDBPyConnection, platforms: Any) -> None:
    """Create the empty source tables of every platform."""
    conn.execute("attach ':memory:' as obtained")
    conn.execute("create schema obtained.ethelred")
    conn.execute(COPIES_OBTAINED)
    for platform in platforms:
        conn.execute(f'create schema obtained."{platform.platform}"')
        conn.execute(
            f"create table {source_table(platform)}"
            " (copy_number integer, last_login varchar, storage_class varchar)"
        )


def listed_copies() -> Iterator[dict[str, Any]]:
    """Yield the copies that the run's manifest lists."""
    manifest = os.environ.get("ETHELRED_COPIES")
    if manifest:
        yield from json.loads(Path(manifest).read_text(encoding="utf-8"))


def load_sqlite_extension(conn: duckdb.DuckDBPyConnection) -> None:
    """Load the signed extension straight from its wheel: nothing is downloaded or installed."""
    extension = files("duckdb_extension_sqlite_scanner").joinpath(
        "extensions", f"v{duckdb.__version__}", "sqlite_scanner.duckdb_extension"
    )
    conn.execute(f"load '{extension}'")


def take_over(conn: duckdb.DuckDBPyConnection, copy: dict[str, Any], platform: Platform) -> None:
    """Copy the users' latest logins, as text with their storage class, into the catalogue."""
    path = copy["path"].replace("'", "''")
    conn.execute(f"attach '{path}' as copy (type sqlite, read_only)")
    conn.execute(
        f"insert into {source_table(platform)}"  # noqa: S608
        " select $number, try(decode(unhex(hex_value))), storage_class"
        " from sqlite_query('copy', $query)",
        {"number": copy["copy_number"], "query": users_query(platform)},
    )
    conn.execute("detach copy")
    conn.execute(
        "insert into obtained.ethelred.copies_obtained values (?, ?, ?, ?, ?, ?, ?)",
        [platform.platform, copy["copy_number"], copy["content_sha256"]]
        + [copy[key] for key in ("modified_at", "named_on", "stated_taken_at", "obtained_at")],
    )


def users_query(platform: Platform) -> str:
    """Return the SQLite query for the values of a platform's users, whatever they are.

    In hexadecimal, because one text that isn't UTF-8 would fail the whole copy; a timestamp is
    far shorter than 64 characters.
    """
    column = f'"{platform.login_column}"'
    return (
        f"select hex(substr({column}, 1, 64)) as hex_value, typeof({column}) as storage_class"  # noqa: S608
        f' from "{platform.users_table}"'
    )


def source_table(platform: Platform) -> str:
    """Return the quoted name of a platform's source table."""
    return f'obtained."{platform.platform}"."{platform.users_table}"'
