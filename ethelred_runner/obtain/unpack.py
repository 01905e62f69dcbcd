"""From a file as it was stored to the file of the database, within bounds of memory and disk."""

import gzip
import hashlib
import os
import shutil
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from backports import zstd
from rich.filesize import decimal

from ethelred_runner import console
from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.folders import sha256_of
from ethelred_runner.obtain.requests import Limits

BLOCK = 2**17  # bytes; larger ones are put together from several
SQLITE = b"SQLite format 3\0"
HEADER = 100  # bytes of a database
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # behind a byte of 0x50 to 0x5f: a frame without content
LARGE_WINDOW = 27  # log2 of the bytes; `zstd --long` alone asks for this much
ANY_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
OPENERS: dict[str, Callable[[Path], Any]] = {
    "gzip": gzip.open,
    "zstd": partial(zstd.open, options=ANY_WINDOW),
}
OTHERS = {b"PK": "a zip file", b"\xfd7zXZ": "an xz file", b"BZh": "a bzip2 file"}


def unpack(stored: Path, target: Path, limits: Limits) -> tuple[str, bool]:
    """Make `target` of what the content, not the name, says is zstd, gzip or a plain database.

    `stored` is gone afterwards. Returns the content's SHA-256, and whether a checksum in `stored`
    vouched for every byte. Raises CopyRejected if it is damaged, cut short, too large or
    something else, SourceError if the disk has no room.
    """
    with stored.open("rb") as file:
        start = file.read(HEADER)
        if start[:2] != GZIP and not _is_zstd(start):
            size_by_header(start)
            stored.replace(target)
            return sha256_of(target), False
        checksummed = start[:2] == GZIP or _look_at_first_frame(file)
    form = "gzip" if start[:2] == GZIP else "zstd"
    try:
        with OPENERS[form](stored) as content, target.open("xb") as file:
            sha256 = _write_within_bounds(content, file, target.parent, limits)
    except EOFError:
        raise CopyRejected(f"it is cut short: its {form} data ends too early") from None
    except (zstd.ZstdError, gzip.BadGzipFile, zlib.error) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")  # not that it was decompressing
        raise CopyRejected(f"its {form} data is damaged ({reason})") from None
    stored.unlink()
    return sha256, checksummed


def size_by_header(header: bytes) -> int | None:
    """Return the bytes that a database must have by its header; None if the header can't tell.

    Raises CopyRejected if this is no header of a SQLite database.
    """
    if len(header) < HEADER or not header.startswith(SQLITE):
        raise CopyRejected(_describe(header[: len(SQLITE)]))
    page_size = int.from_bytes(header[16:18]) if header[16:18] != b"\0\1" else 65536
    if page_size < 512 or page_size & (page_size - 1):
        raise CopyRejected("its header is damaged: there is no such page size")
    # The page count holds only if the last writer kept it up, which these two counters tell.
    if header[24:28] != header[92:96]:
        return None
    return int.from_bytes(header[28:32]) * page_size or None


def check_fits(size: int, folder: Path, limits: Limits) -> None:
    """Raise CopyRejected if so many bytes are too large, SourceError if the disk has no room."""
    check_limit(size, limits)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise SourceError(
            f"the copy needs {decimal(size)}, and {folder.parent} has {decimal(free)} free; "
            "make room, or set ETHELRED_WORK to a folder on another disk"
        )


def check_limit(size: int, limits: Limits) -> None:
    """Raise CopyRejected if a copy, stored or unpacked, is larger than the limits allow."""
    if size > limits.max_bytes:
        raise CopyRejected(
            f"it is larger than the limit of {limits.max_bytes:,} bytes; "
            "if that is as it should be, raise --max-bytes"
        )


def _write_within_bounds(content: BinaryIO, file: BinaryIO, folder: Path, limits: Limits) -> str:
    """Stop what is no database, or too large: by its header at once, else before it is written."""
    digest = hashlib.sha256()
    block = content.read(BLOCK)
    expected = size_by_header(block[:HEADER])
    check_fits(expected or 0, folder, limits)
    while block:
        size = file.tell() + len(block)
        if expected and size > expected:
            raise CopyRejected(f"it goes on after its end: its header says {expected:,} bytes")
        check_limit(size, limits)
        digest.update(block)
        file.write(block)
        block = content.read(BLOCK)
    return digest.hexdigest()


def _is_zstd(start: bytes) -> bool:
    return start[:4] == ZSTD or (start[:1] in b"PQRSTUVWXYZ[\\]^_" and start[1:4] == ZSTD_SKIPPABLE)


def _look_at_first_frame(file: BinaryIO) -> bool:
    """Tell whether the first frame with content has a checksum; warn if it takes much memory."""
    file.seek(0)
    while (header := file.read(8))[1:4] == ZSTD_SKIPPABLE:
        file.seek(int.from_bytes(header[4:8], "little"), os.SEEK_CUR)
    if header[:4] != ZSTD or len(header) < 6:
        return False
    flags, log = header[4], 10 + (header[5] >> 3)
    if not flags & 0b100000 and log > LARGE_WINDOW:
        console.warn(
            f"this copy was made with zstd --long={log}: reading it takes {2 ** (log - 20):,} MB "
            "of memory; make copies without --long"
        )
    return bool(flags & 0b100)


def _describe(start: bytes) -> str:
    """Say what something that is no copy seems to be, without quoting from it."""
    if not start:
        return "it is empty (0 bytes)"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return "it is a web page (HTML or XML), not a database; is the address right?"
    for magic, kind in OTHERS.items():
        if start.startswith(magic):
            return f"it is {kind}; a copy may be compressed with zstd or gzip, or not at all"
    if start[:4] == ZSTD or start[:2] == GZIP:
        return "it was compressed twice; compress it once"
    if SQLITE.startswith(start[: len(SQLITE)]):
        return "it is cut short: it ends within the database's header"
    if not any(start):
        return "it begins with zeros; the file was never written properly"
    if len(start) > len(ZSTD) and start.isascii() and start.decode().isprintable():
        return "it is text, not a database; is it a message, or a symbolic link copied as text?"
    return "it is not a SQLite database, nor one compressed with zstd or gzip"
