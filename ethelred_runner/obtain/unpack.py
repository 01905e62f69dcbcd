"""From the bytes as stored to the bytes of the database, in one pass and bounded memory."""

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

from ethelred_runner import console
from ethelred_runner.errors import CopyRejected

BLOCK = 2**18  # bytes given out at once: each costs a wait for Python's lock; larger ones, a copy
SQLITE = b"SQLite format 3\0"
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = bytes(range(0x50, 0x60))  # a frame without content: one of these, then SKIPPED
SKIPPED = b"\x2a\x4d\x18"
LONGEST_ZSTD_HEADER = 18  # bytes
LARGE_WINDOW = 27  # log2 of the bytes; `zstd --long` alone asks for this much
OTHERS = {b"PK": "a zip file", b"\xfd7zXZ": "an xz file", b"BZh": "a bzip2 file"}


@dataclass
class Packing:
    """How a copy was stored: filled in while it is read, final when it has been read.

    `checksummed` says whether a checksum inside the file vouched for every byte.
    """

    form: str = "plain"
    checksummed: bool = False


def unpack(chunks: Iterator[bytes], packing: Packing) -> Iterator[bytes]:
    """Decompress what the content, not the name, says is zstd or gzip; pass on a plain database.

    Raises CopyRejected if it is damaged, cut short, or something else.
    """
    start = b""
    while len(start) < len(SQLITE) and (chunk := next(chunks, b"")):
        start += chunk
    chunks = chain([start], chunks)
    if start[:4] == ZSTD or _is_skippable(start):
        packing.form = "zstd"
        return _blocks_of_zstd(chunks, packing)
    if start[:2] == GZIP:
        packing.form, packing.checksummed = "gzip", True
        return _blocks_of_gzip(chunks)
    if start[: len(SQLITE)] != SQLITE:
        raise CopyRejected(describe(start))
    return chunks


def describe(start: bytes) -> str:
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
    if SQLITE.startswith(start):
        return "it is cut short: it ends within the database's header"
    if not any(start):
        return "it begins with zeros; the file was never written properly"
    if len(start) > len(ZSTD) and start.isascii() and start.decode().isprintable():
        return "it is text, not a database; is it a message, or a symbolic link copied as text?"
    return "it is not a SQLite database, nor one compressed with zstd or gzip"


def _is_skippable(start: bytes) -> bool:
    return start[:1] in {bytes([each]) for each in ZSTD_SKIPPABLE} and start[1:4] == SKIPPED


def _blocks_of_zstd(chunks: Iterator[bytes], packing: Packing) -> Iterator[bytes]:
    pending = b""
    packing.checksummed = True  # until a frame has none
    while pending := pending + next(chunks, b""):
        while len(pending) < LONGEST_ZSTD_HEADER and (chunk := next(chunks, b"")):
            pending += chunk
        _look_at_frame(pending, packing)
        decoder = ZstdDecompressor(options={DecompressionParameter.window_log_max: 31})
        try:
            yield from _blocks_of_frame(decoder, pending, chunks)
        except ZstdError as error:
            raise CopyRejected(f"its zstd data is damaged ({_cause(error)})") from None
        pending = decoder.unused_data


def _blocks_of_frame(
    decoder: ZstdDecompressor, pending: bytes, chunks: Iterator[bytes]
) -> Iterator[bytes]:
    while True:
        if block := decoder.decompress(pending, BLOCK):
            yield block
        if decoder.eof:
            return
        pending = next(chunks, b"") if decoder.needs_input else b""
        if decoder.needs_input and not pending:
            raise CopyRejected("it is cut short: its zstd data ends too early")


def _look_at_frame(start: bytes, packing: Packing) -> None:
    """Note whether a frame has a checksum, and warn if it takes much memory to read."""
    if start[:4] != ZSTD or len(start) < 6:
        return
    flags = start[4]
    packing.checksummed = packing.checksummed and bool(flags & 0b100)
    log = 10 + (start[5] >> 3)
    if not flags & 0b100000 and log > LARGE_WINDOW:
        console.warn(
            f"this copy was made with zstd --long={log}: reading it takes {2 ** (log - 20):,} MB "
            "of memory; make copies without --long"
        )


def _cause(error: ZstdError) -> str:
    """Return zstd's own words without the part that says it was decompressing."""
    return str(error).rpartition(": ")[2].rstrip(".")


def _blocks_of_gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=io.BufferedReader(_File(chunks), 2**18)) as file:
        try:
            while block := file.read1(2**18):
                yield block
        except EOFError:
            raise CopyRejected("it is cut short: its gzip data ends too early") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise CopyRejected(f"its gzip data is damaged ({error})") from None


class _File(io.RawIOBase):
    """Chunks as the file that the gzip module wants."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
