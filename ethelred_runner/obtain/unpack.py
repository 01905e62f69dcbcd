"""Unpack a downloaded file, and find out by its content which module reads it."""

import gzip
import re
import shutil
import zlib
from functools import partial
from pathlib import Path
from typing import Any

from backports import zstd
from rich.filesize import decimal

from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.obtain import column, postgres, sqlite
from ethelred_runner.obtain.platforms import Platform

BLOCK = 2**17  # bytes; larger ones are no faster
START = 512  # bytes that identify a kind of file
GZIP = rb"\x1f\x8b"
ZSTD = rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"  # the second begins a skippable frame
CHECKSUM_FLAG = 0b100  # in the fifth byte of a zstd frame
ANY_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
FORMS: dict[str, tuple[bytes, Any]] = {
    "gzip": (GZIP, gzip.open),
    "zstd": (ZSTD, partial(zstd.open, options=ANY_WINDOW)),
}
ROOM_ADVICE = "make room, or set ETHELRED_WORK_DIR to a folder on another disk"
# Beginnings of files that are no copy, and how to describe them without quoting content.
OTHERS = {
    rb"(?s:.{257})ustar": "it is a tar archive; compress the database itself, without tar",
    rb"\Z": "it is empty (0 bytes)",
    rb"(\xef\xbb\xbf)?\s*<": "it is a web page, not a database; is the address right?",
    rb"PK|\xfd7zXZ|BZh|" + GZIP + b"|" + ZSTD: "compress it once, with zstd or gzip, or not at all",
    re.escape(sqlite.MAGIC): "it is cut short: it ends within the database's header",
    rb"--\s+-- PostgreSQL": "it is a PostgreSQL dump as SQL; make one with pg_dump --format=custom",
    rb"[\s\x20-\x7e]{16}|[\s\x20-\x7e]+\Z": "it is text, not a SQLite database, nor CSV that "
    "begins with the name of the login column; is it a link saved as text?",
    rb"": "it is not a SQLite database, a dump of PostgreSQL in its custom format, or CSV",
}


def unpack(downloaded: Path, target: Path, platform: Platform) -> tuple[Any, bool]:
    """Unpack `downloaded` (plain, or compressed with zstd or gzip) to `target`, and delete it.

    Return the module for this kind of copy, and whether the compression has a checksum of its
    bytes. Raises CopyRejected if the file is damaged, cut short or no copy, and SourceError if the
    disk has no room.
    """
    with downloaded.open("rb") as file:
        start = file.read(START)
    name = next((name for name, (magic, _) in FORMS.items() if re.match(magic, start)), None)
    if name is None:
        reader = reader_of(start, platform)
        downloaded.replace(target)
        return reader, False
    try:
        with FORMS[name][1](downloaded) as content, target.open("xb") as file:
            block = content.read(START)
            reader = reader_of(block, platform)
            # The header says how large a database is. What follows that size may be endless.
            expected = sqlite.size_by_header(block) if reader is sqlite else None
            check_fits(expected or 0, target.parent)
            while block and (not expected or file.tell() <= expected):
                file.write(block)
                block = content.read(BLOCK)
    except EOFError:
        raise CopyRejected(f"it is cut short: its {name} data ends too early") from None
    except (zstd.ZstdError, gzip.BadGzipFile, zlib.error) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")  # without "Error while decompressing"
        if "ictionary" in reason:
            raise CopyRejected("it needs a zstd dictionary; compress it without one") from None
        raise CopyRejected(f"its {name} data is damaged ({reason})") from None
    downloaded.unlink()
    return reader, name == "gzip" or (start[:1] == b"\x28" and bool(start[4] & CHECKSUM_FLAG))


def reader_of(start: bytes, platform: Platform) -> Any:
    """Return the module for the kind of copy with these first bytes. Raises CopyRejected."""
    if start.startswith(sqlite.MAGIC) and len(start) >= sqlite.HEADER:
        return sqlite
    if start.startswith(postgres.MAGIC):
        return postgres
    if column.is_header(start, platform):
        return column
    raise CopyRejected(next(OTHERS[magic] for magic in OTHERS if re.match(magic, start)))


def check_fits(size: int, folder: Path) -> None:
    """Raise SourceError if the disk has no room for so many bytes."""
    if size > shutil.disk_usage(folder).free:
        raise SourceError(f"the disk has no room for {decimal(size)}; {ROOM_ADVICE}")
