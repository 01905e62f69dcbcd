"""A copy of a SQLite database: is it sound, and what is in its login column?

Nothing is read but that column. Messages name no source: `obtain` puts it in front.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ethelred_runner.errors import CopyRejected
from ethelred_runner.obtain.platforms import LONGEST_VALUE, Platform, Value

MAGIC = b"SQLite format 3\0"
HEADER = 100  # bytes of a database
# What SQLite reports of sound pages: constraints that were broken, and pages that nothing uses.
UNUSUAL = re.compile(r"\w+ value in |non-unique entry|Page \d+( is|:) never used|\*\*\*")
UNKNOWN = re.compile(r"(no such collation sequence|unknown function): (.+)")
# Views and virtual tables have no pages of their own.
TABLES = "select name from sqlite_schema where type = 'table' and rootpage"
COLUMNS = (
    "select c.name from sqlite_schema as t, pragma_table_xinfo(t.name) as c"
    " where lower(t.name) = lower(?) and t.type = 'table' and rootpage"
)


def begins(start: bytes, platform: Platform) -> bool:
    """Tell whether a file with these first bytes is a SQLite database."""
    del platform
    return len(start) >= HEADER and start.startswith(MAGIC)


def size_by_header(header: bytes) -> int | None:
    """Return the bytes that a database must have by its header; None if the header can't tell."""
    page_size = int.from_bytes(header[16:18]) if header[16:18] != b"\0\1" else 65536
    # The page count holds only if the last writer kept it up, which these two counters tell.
    if header[24:28] != header[92:96]:
        return None
    return int.from_bytes(header[28:32]) * page_size or None


def verify(path: Path, platform: Platform, *, checksummed: bool) -> tuple[set[str], set[str]]:
    """Raise CopyRejected unless the platform's users, and so their logins, can be read safely.

    Returns what is unusual in a sound copy, and what couldn't be checked here.

    Where a checksum vouched for the bytes, only damage to the users counts: damage elsewhere is
    the database's own. Where none did, any damage shows that bytes were changed on the way,
    perhaps in a login as well, which no check of the users could find.
    """
    _check_size(path)
    parts = {f"its table {platform.users_table}": f"({quoted(platform.users_table)})"}
    if not checksummed:
        parts["the database"] = ""
    unusual: set[str] = set()
    unchecked: set[str] = set()
    with opened(path) as connection:
        _check_columns(connection, platform)
        for part, scope in parts.items():
            findings = _check(connection, scope, unchecked)
            if damage := next((line for line in findings if not UNUSUAL.match(line)), None):
                raise CopyRejected(f"{part} is damaged ({damage})")
            unusual.update(findings)
    for _ in values(path, platform):
        pass
    return unusual, {f"its indexes ({reason})" for reason in unchecked}


def values(path: Path, platform: Platform) -> Iterator[Value]:
    """Yield each user's latest login, as UTF-8 or what claims to be, and SQLite's `typeof`."""
    with opened(path) as database:
        database.text_factory = bytes
        for value, storage_class in database.execute(_query(platform), *_filter(platform)):
            yield value or b"", storage_class.decode()


def _query(platform: Platform) -> str:
    login = quoted(platform.login_column)
    query = f"select substr({login}, 1, {LONGEST_VALUE}), typeof({login})"
    query += f" from {quoted(platform.users_table)}"
    if platform.count_only:
        query += f" where cast({quoted(platform.count_only[0])} as text) = ?"
    return query


def _filter(platform: Platform) -> list[tuple[str, ...]]:
    return [platform.count_only[1:]] if platform.count_only else []


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        expected = size_by_header(file.read(HEADER)) or size
    if size != expected:  # SQLite itself accepts a file whose last page is not all there
        state = "is cut short" if size < expected else "goes on after its end"
        advice = "" if size < expected else "; VACUUM INTO writes a copy without more"
        sizes = f"{size:,} bytes, where its header says {expected:,}"
        raise CopyRejected(f"it {state}: {sizes}{advice}")


def _check_columns(connection: sqlite3.Connection, platform: Platform) -> None:
    """Raise CopyRejected, with the names that are there, unless the platform's are among them."""
    columns = connection.execute(COLUMNS, [platform.users_table]).fetchall()
    platform.check_columns(
        [name for (name,) in columns], lambda: [name for (name,) in connection.execute(TABLES)]
    )


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy to read it. Raises CopyRejected if SQLite fails at it, then or later."""
    # `immutable`: no -wal or -shm appears beside a copy that carries the WAL flag.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("pragma trusted_schema = off")
            connection.execute("pragma cell_size_check = on")
            # Reads past views, triggers and the like with SQL that this SQLite doesn't know.
            connection.execute("pragma writable_schema = on")
            yield connection
    except sqlite3.Error as error:
        raise CopyRejected(f"SQLite can't read it ({error})") from None


def quoted(name: str) -> str:
    """Return the name of a table or column as it may stand in SQL."""
    return '"' + name.replace('"', '""') + '"'


def _check(connection: sqlite3.Connection, scope: str, unchecked: set[str]) -> list[str]:
    """Let SQLite check pages; what it finds names pages and tables, never what is in them.

    An index may need a function or collation that only its platform has. It is then added to
    `unchecked`, and all is checked but the content of indexes.
    """
    pragma = "quick_check" if unchecked else "integrity_check"
    try:
        found = "\n".join(str(line) for (line,) in connection.execute(f"pragma {pragma}{scope}"))
    except sqlite3.DatabaseError as error:
        unknown = UNKNOWN.match(str(error))
        if not unknown or str(error) in unchecked:
            return [str(error)]
        unchecked.add(str(error))
        if "collation" in unknown[1]:  # any order of the keys will do: it isn't looked at
            connection.create_collation(unknown[2], lambda *_: 0)
        return _check(connection, scope, unchecked)
    ordered = not any("collation" in error for error in unchecked)
    lines = (line for line in found.splitlines() if ordered or "PRIMARY KEY order" not in line)
    return [line for line in lines if line != "ok"]
