"""A copy of a SQLite database: its verification, and the values of its login column.

`values` reads only that column and the one that `count_only` names.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ethelred_runner.errors import CopyRejected
from ethelred_runner.obtain.platforms import LONGEST_VALUE, Platform, Value

KIND = "sqlite"
MAGIC = b"SQLite format 3\0"
HEADER = 100  # bytes
# Findings about sound pages: violated constraints, and unused pages.
UNUSUAL = re.compile(r"[\w-]+ value in |non-unique entry|Page \d+( is|:) never used|\*\*\*")
UNKNOWN = re.compile(r"(no such collation sequence|unknown function): (.+)")
# Views and virtual tables have no pages of their own.
TABLES = "select name from sqlite_schema where type = 'table' and rootpage"
COLUMNS = (
    "select c.name from sqlite_schema as t, pragma_table_xinfo(t.name) as c"
    " where lower(t.name) = lower(?) and t.type = 'table' and rootpage"
)
# Collations of the users' indexes that only the platform has: a table `without rowid` needs them.
COLLATIONS = (
    "select distinct coll from pragma_index_list(?) as i, pragma_index_xinfo(i.name)"
    " where upper(coll) not in ('BINARY', 'NOCASE', 'RTRIM')"
)


def size_by_header(header: bytes) -> int | None:
    """Return a database's size in bytes by its header; None if the header is outdated."""
    page_size = int.from_bytes(header[16:18]) if header[16:18] != b"\0\1" else 65536
    # The page count is valid only if these two change counters agree.
    if header[24:28] != header[92:96]:
        return None
    return int.from_bytes(header[28:32]) * page_size or None


def verify(path: Path, platform: Platform, *, checksummed: bool) -> tuple[set[str], set[str]]:
    """Raise CopyRejected unless the platform's users, and so their logins, can be read safely.

    Return the unusual findings about a sound copy, and what this SQLite can't check.

    If a checksum covers the bytes, only damage to the users counts: other damage was in the
    database already. Without a checksum, any damage counts: the transfer may also have changed
    logins unnoticed.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        expected = size_by_header(file.read(HEADER)) or size
    if size != expected:  # SQLite itself accepts an incomplete last page
        state, advice = "is cut short", ""
        if size > expected:
            state, advice = "goes on after its end", "; VACUUM INTO writes a copy that ends there"
        sizes = f"{size:,} bytes, where its header says {expected:,}"
        raise CopyRejected(f"it {state}: {sizes}{advice}")
    parts = {f"its table {platform.users_table}": f"({quoted(platform.users_table)})"}
    if not checksummed:
        parts["the database"] = ""
    unusual: set[str] = set()
    unchecked: set[str] = set()
    with opened(path) as connection:
        columns = [name for (name,) in connection.execute(COLUMNS, [platform.users_table])]
        tables = [name for (name,) in connection.execute(TABLES)]
        if not columns and platform.users_table in tables:
            raise CopyRejected(
                f"SQLite {sqlite3.sqlite_version} can't read the definition of its table "
                f"{platform.users_table}; run with a newer Python, which has a newer SQLite"
            )
        platform.check_columns(columns, tables)
        for part, scope in parts.items():
            findings = _check(connection, scope, unchecked)
            if damage := next((line for line in findings if not UNUSUAL.match(line)), None):
                raise CopyRejected(f"{part} is damaged ({damage})")
            unusual.update(findings)
    return unusual, {f"its indexes ({reason})" for reason in unchecked}


def values(path: Path, platform: Platform) -> Iterator[Value]:
    """Yield the latest login of each user who is counted, as bytes, and SQLite's `typeof` of it."""
    login, (column, *text) = quoted(platform.login_column), platform.count_only or ("",)
    query = f"select substr({login}, 1, {LONGEST_VALUE}), typeof({login})"
    # An index may be unchecked.
    query += f" from {quoted(platform.users_table)} not indexed"
    query += f" where cast({quoted(column)} as text) collate binary = ?" if column else ""
    with opened(path) as database:
        for (name,) in database.execute(COLLATIONS, [platform.users_table]):
            database.create_collation(name, lambda *_: 0)  # any order will do for reading all rows
        database.text_factory = bytes
        for value, storage_class in database.execute(query, text):
            yield value or b"", storage_class.decode()


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy read only. Raises CopyRejected whenever SQLite fails on it."""
    # `immutable` keeps SQLite from creating -wal and -shm files beside a copy in WAL mode.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("pragma trusted_schema = off")
            connection.execute("pragma cell_size_check = on")
            # SQLite then ignores views and triggers that it can't parse.
            connection.execute("pragma writable_schema = on")
            yield connection
    except sqlite3.Error as error:
        raise CopyRejected(f"SQLite can't read it ({error})") from None


def quoted(name: str) -> str:
    """Return the name of a table or column quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _check(connection: sqlite3.Connection, scope: str, unchecked: set[str]) -> list[str]:
    """Return SQLite's findings, which name pages and tables but no content.

    An index may need a function or collation that only its platform has. The error is then added
    to `unchecked`, and the content of indexes is left out.
    """
    pragma = "quick_check" if unchecked else "integrity_check"
    try:
        found = "\n".join(str(line) for (line,) in connection.execute(f"pragma {pragma}{scope}"))
    except sqlite3.DatabaseError as error:
        unknown = UNKNOWN.match(str(error))
        if not unknown or str(error) in unchecked:
            return [str(error)]
        unchecked.add(str(error))
        # Any order and value will do, because the content of indexes isn't checked.
        if "collation" in unknown[1]:
            connection.create_collation(unknown[2], lambda *_: 0)
        else:
            name = unknown[2].removesuffix("()")
            connection.create_function(name, -1, lambda *_: None, deterministic=True)
        return _check(connection, scope, unchecked)
    ordered = not any("collation" in error for error in unchecked)
    lines = (line for line in found.splitlines() if ordered or "PRIMARY KEY order" not in line)
    return [line for line in lines if line != "ok"]
