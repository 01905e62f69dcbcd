"""Is this file a sound copy of a platform's database? Nothing is read but the login column.

Messages name no source: `obtain` puts it in front.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.errors import CopyRejected
from ethelred_runner.obtain.platforms import Platform
from ethelred_runner.obtain.unpack import HEADER, size_by_header

LOOKED_OVER = 256 * 2**20  # bytes; a look at all of a larger copy would take seconds, for a warning

# What SQLite reports although every page is as it was written: values that break a constraint,
# pages of objects that this SQLite doesn't know, functions and collations of the platform's own.
HARMLESS = re.compile(
    r"ok$|\*\*\*|\w+ value in |CHECK constraint failed|Page \d+( is|:) never used"
    r"|no such (function|collation sequence)"
)


def verify(path: Path, platform: Platform, *, vouched_for: bool) -> None:
    """Raise CopyRejected unless the platform's users, and so their logins, can be read safely.

    Where a checksum vouched for the bytes, only damage to the users counts: damage elsewhere is
    the database's own, and gets a warning. Where none did, any damage shows that bytes were
    changed on the way, perhaps in a login as well, which no check of the users could find.
    """
    _check_size(path)
    with opened(path) as base:
        _check_schema(base, platform)
        login, table = quoted(platform.login_column), quoted(platform.users_table)
        if damage := _damage(base, f"integrity_check({table})"):
            raise CopyRejected(f"its table {platform.users_table} is damaged ({damage})")
        base.execute(f"select count({login}) from {table}").fetchone()  # noqa: S608 -- quoted
        if vouched_for and path.stat().st_size > LOOKED_OVER:
            return
        if (damage := _damage(base, "quick_check")) and not vouched_for:
            raise CopyRejected(f"the database is damaged ({damage})")
    if damage:
        console.warn(f"the database is damaged, but its users are intact, so it is used ({damage})")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy to read it. Raises CopyRejected if SQLite fails at it, then or later."""
    # `immutable`: no -wal or -shm appears beside a copy that carries the WAL flag.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as base:
            base.execute("pragma trusted_schema = off")
            base.execute("pragma cell_size_check = on")
            # Reads past views, triggers and the like with SQL that this SQLite doesn't know.
            base.execute("pragma writable_schema = on")
            yield base
    except sqlite3.Error as error:
        raise CopyRejected(f"SQLite can't read it ({error})") from None


def quoted(name: str) -> str:
    """Return the name of a table or column as it may stand in SQL."""
    return '"' + name.replace('"', '""') + '"'


def _check_size(path: Path) -> None:
    """Raise CopyRejected unless the file is as long as its header says.

    SQLite itself accepts a file whose last page is not all there.
    """
    with path.open("rb") as file:
        expected = size_by_header(file.read(HEADER))
    size = path.stat().st_size
    if expected is not None and size != expected:
        state = "is cut short" if size < expected else "goes on after its end"
        raise CopyRejected(f"it {state}: {size:,} bytes, where its header says {expected:,}")


def _check_schema(base: sqlite3.Connection, platform: Platform) -> None:
    table, column = platform.users_table, platform.login_column
    found = base.execute(
        "select rootpage from sqlite_schema where lower(name) = lower(?)"
        " and type in ('table', 'view')",
        [table],
    ).fetchone()
    if found is None:
        raise CopyRejected(f"it has no table {table}; is it a copy of {platform.platform_name}?")
    if not found[0]:  # views and virtual tables have no pages of their own
        raise CopyRejected(f"{table} is not a plain table (a view or a virtual table)")
    columns = base.execute(
        "select 1 from pragma_table_xinfo(?) where lower(name) = lower(?)", [table, column]
    )
    if columns.fetchone() is None:
        raise CopyRejected(f"its table {table} has no column {column}")


def _damage(base: sqlite3.Connection, pragma: str) -> str | None:
    """Let SQLite check pages; what it finds names pages and tables, never what is in them."""
    try:
        findings = [str(finding) for (finding,) in base.execute(f"pragma {pragma}")]
    except sqlite3.DatabaseError as error:
        findings = [str(error)]
    lines = "\n".join(findings).splitlines()
    return next((line for line in lines if not HARMLESS.match(line)), None)
