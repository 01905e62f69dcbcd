"""Is this file a sound copy of a platform's database? Nothing is read but the login column.

Messages name no source: `obtain` puts it in front.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.decompress import SQLITE, describe
from ethelred_runner.errors import CopyRejected
from ethelred_runner.platforms import Platform

HEADER = 100  # bytes
LOOKED_OVER = 256 * 2**20  # bytes; a look at all of a larger copy would take seconds, for a warning


def size_by_header(header: bytes) -> int | None:
    """Return the bytes that a database must have by its header; None if the header can't tell.

    Raises CopyRejected if this is no header of a SQLite database.
    """
    if len(header) < HEADER or not header.startswith(SQLITE):
        raise CopyRejected(describe(header[: len(SQLITE)]))
    page_size = int.from_bytes(header[16:18]) if header[16:18] != b"\0\1" else 65536
    if page_size < 512 or page_size & (page_size - 1):
        raise CopyRejected("its header is damaged: there is no such page size")
    # The page count holds only if the last writer kept it up, which these two counters tell.
    if header[24:28] != header[92:96]:
        return None
    return int.from_bytes(header[28:32]) * page_size or None


def check_size(path: Path) -> None:
    """Raise CopyRejected unless the file is as long as its header says.

    SQLite itself accepts a file whose last page is not all there.
    """
    with path.open("rb") as file:
        expected = size_by_header(file.read(HEADER))
    size = path.stat().st_size
    if expected is not None and size != expected:
        state = "is cut short" if size < expected else "goes on after its end"
        raise CopyRejected(f"it {state}: {size:,} bytes, where its header says {expected:,}")


def fold_in(path: Path) -> None:
    """Bring what lies in a `-wal` or `-journal` beside the file into it, as SQLite would.

    Raises CopyRejected if SQLite can't.
    """
    with _rejected_if_sqlite_fails(), closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.execute("select count(*) from sqlite_schema").fetchone()  # rolls a journal back
        base.execute("pragma wal_checkpoint(truncate)").fetchone()


def verify(path: Path, platform: Platform, *, vouched_for: bool) -> None:
    """Raise CopyRejected unless the platform's users, and so their logins, can be read safely.

    Where a checksum vouched for the bytes, only damage to the users counts: damage elsewhere is
    the database's own, and gets a warning. Where none did, any damage shows that bytes were
    changed on the way, perhaps in a login as well, which no check of the users could find.
    """
    check_size(path)
    with _rejected_if_sqlite_fails(), closing(_opened(path)) as base:
        _check_schema(base, platform)
        login, table = _quoted(platform.login_column), _quoted(platform.users_table)
        if damage := _damage(base, f"integrity_check({table})"):
            raise CopyRejected(f"its table {platform.users_table} is damaged ({damage})")
        base.execute(f"select count({login}) from {table}").fetchone()  # noqa: S608 -- quoted
        _check_rest(base, path, vouched_for=vouched_for)


def _check_rest(base: sqlite3.Connection, path: Path, *, vouched_for: bool) -> None:
    if vouched_for and path.stat().st_size > LOOKED_OVER:
        return
    damage = _damage(base, "quick_check")
    if damage and not vouched_for:
        raise CopyRejected(f"the database is damaged ({damage})")
    if damage:
        console.warn(f"the database is damaged, but its users are intact, so it is used ({damage})")


def _opened(path: Path) -> sqlite3.Connection:
    # `immutable`: no -wal or -shm appears beside a copy that carries the WAL flag.
    base = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    base.execute("pragma trusted_schema = off")
    base.execute("pragma cell_size_check = on")
    return base


@contextmanager
def _rejected_if_sqlite_fails() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise CopyRejected(f"SQLite can't read it ({error})") from None


def _check_schema(base: sqlite3.Connection, platform: Platform) -> None:
    table, column = platform.users_table, platform.login_column
    found = base.execute(
        "select type, rootpage from sqlite_schema where lower(name) = lower(?)"
        " and type in ('table', 'view')",
        [table],
    ).fetchone()
    if found is None:
        raise CopyRejected(f"it has no table {table}; is it a copy of {platform.platform_name}?")
    if not found[1]:  # views and virtual tables have no pages of their own
        raise CopyRejected(f"{table} is not a plain table (a view or a virtual table)")
    columns = base.execute(
        "select 1 from pragma_table_xinfo(?) where lower(name) = lower(?)", [table, column]
    )
    if columns.fetchone() is None:
        raise CopyRejected(f"its table {table} has no column {column}")


def _damage(base: sqlite3.Connection, pragma: str) -> str | None:
    """Let SQLite check pages; what it finds names pages and tables, never what is in them."""
    try:
        finding = str(base.execute(f"pragma {pragma}").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    if finding == "ok":
        return None
    return finding.removeprefix("*** in database main ***\n").partition("\n")[0]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
