"""What arrived, unpacked and verified: is it a sound copy of a platform's database?

Nothing is read but the login column. Messages name no source: `obtain` puts it in front.
"""

import gzip
import re
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from backports import zstd
from rich.filesize import decimal

from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.obtain.platforms import Platform

BLOCK = 2**17  # bytes; larger ones are put together from several
SQLITE = b"SQLite format 3\0"
HEADER = 100  # bytes of a database
START = 512  # bytes that show what a file is
GZIP = rb"\x1f\x8b"
ZSTD = rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"  # the second is a frame without content
CHECKSUM_FLAG = 0b100  # in the fifth byte of zstd
ANY_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
FORMS = {"gzip": GZIP, "zstd": ZSTD}
OPENERS: dict[str, Any] = {"gzip": gzip.open, "zstd": partial(zstd.open, options=ANY_WINDOW)}
ROOM_ADVICE = "make room, or set ETHELRED_WORK_DIR to a folder on another disk"
# What begins like this is no database; it is described without quoting from it.
OTHERS = {
    rb"(?s:.{257})ustar": "it is a tar archive; compress the database itself, without tar",
    rb"\Z": "it is empty (0 bytes)",
    rb"(\xef\xbb\xbf)?\s*<": "it is a web page, not a database; is the address right?",
    rb"PK|\xfd7zXZ|BZh|" + GZIP + b"|" + ZSTD: "compress it once, with zstd or gzip, or not at all",
    re.escape(SQLITE): "it is cut short: it ends within the database's header",
    rb"[\s\x20-\x7e]{16}|[\s\x20-\x7e]+\Z": "it is text, not a SQLite database; a link's text?",
    rb"": "it is not a SQLite database, nor one compressed with zstd or gzip",
}
# What SQLite reports of sound pages: constraints that were broken, and pages that nothing uses.
UNUSUAL = re.compile(r"\w+ value in |non-unique entry|Page \d+( is|:) never used|\*\*\*")
UNKNOWN = re.compile(r"(no such collation sequence|unknown function): (.+)")
# Views and virtual tables have no pages of their own.
HAS_COLUMN = """
    select 1 from sqlite_schema as t, pragma_table_xinfo(t.name) as c
    where lower(t.name) = lower(?) and lower(c.name) = lower(?) and t.type = 'table' and rootpage
"""


def unpack(downloaded: Path, target: Path) -> bool:
    """Make `target` of what the content, not the name, says is zstd, gzip or a plain database.

    `downloaded` is gone afterwards. Returns whether a checksum in it covered every byte. What goes
    on after its end by its own header is not read further. Raises CopyRejected if it is damaged,
    cut short or something else, SourceError if the disk has no room.
    """
    with downloaded.open("rb") as file:
        start = file.read(START)
    name = next((name for name in FORMS if re.match(FORMS[name], start)), None)
    if name is None:
        size_by_header(start)
        downloaded.replace(target)
        return False
    try:
        with OPENERS[name](downloaded) as content, target.open("xb") as file:
            _write(content, file, target.parent)
    except EOFError:
        raise CopyRejected(f"it is cut short: its {name} data ends too early") from None
    except (zstd.ZstdError, gzip.BadGzipFile, zlib.error) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")  # not that it was decompressing
        if "ictionary" in reason:
            raise CopyRejected("it needs a zstd dictionary; compress it without one") from None
        raise CopyRejected(f"its {name} data is damaged ({reason})") from None
    downloaded.unlink()
    return name == "gzip" or (start[:1] == b"\x28" and bool(start[4] & CHECKSUM_FLAG))


def size_by_header(header: bytes) -> int | None:
    """Return the bytes that a database must have by its header; None if the header can't tell.

    Raises CopyRejected if this is no header of a SQLite database.
    """
    if len(header) < HEADER or not header.startswith(SQLITE):
        raise CopyRejected(next(OTHERS[magic] for magic in OTHERS if re.match(magic, header)))
    page_size = int.from_bytes(header[16:18]) if header[16:18] != b"\0\1" else 65536
    # The page count holds only if the last writer kept it up, which these two counters tell.
    if header[24:28] != header[92:96]:
        return None
    return int.from_bytes(header[28:32]) * page_size or None


def check_fits(size: int, folder: Path) -> None:
    """Raise SourceError if the disk has no room for so many bytes."""
    if size > shutil.disk_usage(folder).free:
        raise SourceError(f"the disk has no room for {decimal(size)}; {ROOM_ADVICE}")


def _write(content: BinaryIO, file: BinaryIO, folder: Path) -> None:
    """Write a database as it is unpacked, not far beyond its end."""
    block = content.read(BLOCK)
    expected = size_by_header(block[:START])
    check_fits(expected or 0, folder)
    while block and (not expected or file.tell() <= expected):
        file.write(block)
        block = content.read(BLOCK)


def verify(path: Path, platform: Platform, *, checksummed: bool) -> tuple[set[str], set[str]]:
    """Raise CopyRejected unless the platform's users, and so their logins, can be read safely.

    Returns what is unusual in a sound copy, and why its indexes couldn't be checked here, if so.

    Where a checksum vouched for the bytes, only damage to the users counts: damage elsewhere is
    the database's own. Where none did, any damage shows that bytes were changed on the way,
    perhaps in a login as well, which no check of the users could find.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        expected = size_by_header(file.read(START)) or size
    if size != expected:  # SQLite itself accepts a file whose last page is not all there
        state = "is cut short" if size < expected else "goes on after its end"
        advice = "" if size < expected else "; VACUUM INTO writes a copy without more"
        sizes = f"{size:,} bytes, where its header says {expected:,}"
        raise CopyRejected(f"it {state}: {sizes}{advice}")
    names = platform.users_table, platform.login_column
    table, login = map(quoted, names)
    parts = {f"its table {names[0]}": f"({table})"}
    if not checksummed:
        parts["the database"] = ""
    unusual: set[str] = set()
    unchecked: set[str] = set()
    with opened(path) as connection:
        if not connection.execute(HAS_COLUMN, names).fetchall():
            wanted = f"{names[0]} with a column {names[1]}"
            raise CopyRejected(f"it has no table {wanted}; is it {platform.platform_name}'s?")
        for part, scope in parts.items():
            findings = _check(connection, scope, unchecked)
            if damage := next((line for line in findings if not UNUSUAL.match(line)), None):
                raise CopyRejected(f"{part} is damaged ({damage})")
            unusual.update(findings)
        connection.execute(f"select count({login}) from {table}").fetchone()  # noqa: S608 -- quoted
    return unusual, unchecked


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
