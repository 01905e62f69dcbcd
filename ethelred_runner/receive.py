"""Writing a copy's content to this machine's disk, within bounds."""

import hashlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.filesize import decimal

from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.limits import Limits
from ethelred_runner.verify import HEADER, fold_in, size_by_header

GATHERED = 2**20  # bytes handed to the writing thread at once
WRITTEN = 2**17  # bytes written at once: with 1 MB, Linux takes two to five times as long


def bounded(
    blocks: Iterator[bytes], folder: Path, limits: Limits, companions: tuple[Path, ...] = ()
) -> Iterator[bytes]:
    """Stop what is no database, or too large: by its header at once, by its length at the latest.

    Raises CopyRejected, or SourceError if `folder` has no room for it.
    """
    start = _at_least(HEADER, blocks)
    expected = size_by_header(start[:HEADER])
    _check_limit(expected or 0, limits)
    _check_room((expected or 0) + sum(each.stat().st_size for each in companions), folder)
    yield start
    written = len(start)
    for block in blocks:
        written += len(block)
        # A database with a -wal may be longer than the header says that waits in the -wal.
        if expected and written > expected and not companions:
            raise CopyRejected(f"it goes on after its end: its header says {expected:,} bytes")
        _check_limit(written, limits)
        yield block


def write(blocks: Iterator[bytes], path: Path) -> str:
    """Write a new file of mode 0600, and return its sha256, made on the way.

    Writing and hashing have a thread of their own: the time that they take passes while the
    next blocks are decompressed.
    """
    digest = hashlib.sha256()
    path.touch(0o600, exist_ok=False)
    with path.open("r+b", buffering=0) as file, ThreadPoolExecutor(1) as worker:

        def take(part: memoryview) -> None:
            digest.update(part)
            while part:
                part = part[file.write(part[:WRITTEN]) :]

        last = worker.submit(take, memoryview(b""))
        for part in _gathered(blocks):
            last.result()
            last = worker.submit(take, part)
        last.result()
    return digest.hexdigest()


def take_in_companions(companions: tuple[Path, ...], path: Path) -> str:
    """Bring the `-wal` or `-journal` of a local database into its copy; return the new sha256."""
    for companion in companions:
        beside = path.with_name(path.name + companion.name[companion.name.rindex("-") :])
        shutil.copyfile(companion, beside)
        beside.chmod(0o600)
    fold_in(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _gathered(blocks: Iterator[bytes]) -> Iterator[memoryview]:
    """Gather small blocks in two buffers in turn: each is good until the next but one is asked for.

    New memory for each would have to be cleared by the kernel: a second for each 2 GB.
    """
    buffers = [memoryview(bytearray(GATHERED)) for _ in range(2)]
    filled = 0
    for block in blocks:
        rest = memoryview(block)
        while rest:
            count = min(len(rest), GATHERED - filled)
            buffers[0][filled : filled + count], rest = rest[:count], rest[count:]
            filled += count
            if filled == GATHERED:
                yield buffers[0]
                buffers.reverse()
                filled = 0
    yield buffers[0][:filled]


def _at_least(size: int, blocks: Iterator[bytes]) -> bytes:
    start = b""
    while len(start) < size and (block := next(blocks, b"")):
        start += block
    return start


def _check_limit(size: int, limits: Limits) -> None:
    if size > limits.max_bytes:
        raise CopyRejected(
            f"its content is larger than the limit of {limits.max_bytes:,} bytes; "
            "if that is as it should be, raise --max-bytes"
        )


def _check_room(size: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise SourceError(
            f"the copy needs {decimal(size)}, and {folder.parent} has {decimal(free)} free; "
            "make room, or set ETHELRED_WORK to a folder on another disk"
        )
