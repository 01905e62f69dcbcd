"""From a file as it was stored to the file of the database, within bounds of memory and disk."""

import gzip
import hashlib
import re
import shutil
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from backports import zstd
from rich.filesize import decimal

from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.folders import sha256_of

BLOCK = 2**17  # bytes; larger ones are put together from several
SQLITE = b"SQLite format 3\0"
HEADER = 100  # bytes of a database
GZIP = rb"\x1f\x8b"
ZSTD = rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"  # the second is a frame without content
CHECKSUM_FLAG = 0b100  # in the fifth byte of zstd
ANY_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
ROOM = "make room, or set ETHELRED_WORK to a folder on another disk"
# What begins like this is no database; it is described without quoting from it.
OTHERS = {
    rb"\Z": "it is empty (0 bytes)",
    rb"(\xef\xbb\xbf)?\s*<": "it is a web page (HTML or XML), not a database; "
    "is the address right?",
    rb"PK|\xfd7zXZ|BZh|" + GZIP + b"|" + ZSTD: "it was compressed twice, or by another program; "
    "a copy may be compressed once, with zstd or gzip, or not at all",
    re.escape(SQLITE): "it is cut short: it ends within the database's header",
    rb"[\s\x20-\x7e]+\Z": "it is text, not a SQLite database; "
    "is it a message, or a symbolic link copied as text?",
    rb"": "it is not a SQLite database, nor one compressed with zstd or gzip",
}


def unpack(stored: Path, target: Path) -> tuple[str, bool]:
    """Make `target` of what the content, not the name, says is zstd, gzip or a plain database.

    `stored` is gone afterwards. Returns the content's SHA-256, and whether a checksum in `stored`
    vouched for every byte. What goes on after its end by its own header is not read further.
    Raises CopyRejected if it is damaged, cut short or something else, SourceError if the disk has
    no room.
    """
    with stored.open("rb") as file:
        start = file.read(HEADER)
    if re.match(GZIP, start):
        name, reader = "gzip", cast(Callable[[Path], Any], gzip.open)
    elif re.match(ZSTD, start):
        name, reader = "zstd", partial(zstd.open, options=ANY_WINDOW)
    else:
        size_by_header(start)
        stored.replace(target)
        return sha256_of(target), False
    try:
        with reader(stored) as content, target.open("xb") as file:
            sha256 = _write(content, file, target.parent)
    except EOFError:
        raise CopyRejected(f"it is cut short: its {name} data ends too early") from None
    except (zstd.ZstdError, gzip.BadGzipFile, zlib.error) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")  # not that it was decompressing
        raise CopyRejected(f"its {name} data is damaged ({reason})") from None
    stored.unlink()
    return sha256, name == "gzip" or (start[:1] == b"\x28" and bool(start[4] & CHECKSUM_FLAG))


def size_by_header(header: bytes) -> int | None:
    """Return the bytes that a database must have by its header; None if the header can't tell.

    Raises CopyRejected if this is no header of a SQLite database.
    """
    if len(header) < HEADER or not header.startswith(SQLITE):
        start = header[: len(SQLITE)]
        raise CopyRejected(next(OTHERS[magic] for magic in OTHERS if re.match(magic, start)))
    page_size = int.from_bytes(header[16:18]) if header[16:18] != b"\0\1" else 65536
    # The page count holds only if the last writer kept it up, which these two counters tell.
    if header[24:28] != header[92:96]:
        return None
    return int.from_bytes(header[28:32]) * page_size or None


def check_fits(size: int, folder: Path) -> None:
    """Raise SourceError if the disk has no room for so many bytes."""
    if size > shutil.disk_usage(folder).free:
        raise SourceError(f"the disk has no room for {decimal(size)}; {ROOM}")


def _write(content: BinaryIO, file: BinaryIO, folder: Path) -> str:
    """Write a database as it is unpacked, not far beyond its end; return its SHA-256."""
    digest = hashlib.sha256()
    block = content.read(BLOCK)
    expected = size_by_header(block[:HEADER])
    check_fits(expected or 0, folder)
    while block and (not expected or file.tell() <= expected):
        digest.update(block)
        file.write(block)
        block = content.read(BLOCK)
    return digest.hexdigest()
