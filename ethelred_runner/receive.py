"""Writing a copy's content to this machine's disk, within bounds."""

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from rich.filesize import decimal

from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.limits import Limits
from ethelred_runner.verify import HEADER, fold_in, size_by_header

GATHERED = 2**20  # bytes handed to the writing thread, and to the system, at once
BATCHES = 4  # of that size that may wait to be written
RESERVED = 2**24  # bytes; into reserved room, ext4 writes two to seven times as fast


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
    with ExitStack() as stack:
        file = stack.enter_context(path.open("r+b", buffering=GATHERED))
        stack.callback(file.truncate)  # gives back the room that was reserved in vain
        worker = stack.enter_context(ThreadPoolExecutor(1))
        waiting: deque[Future[None]] = deque()
        for batch in _batches(blocks):
            waiting.append(worker.submit(_take, batch, digest, file))
            if len(waiting) > BATCHES:
                waiting.popleft().result()
        while waiting:
            waiting.popleft().result()
    return digest.hexdigest()


def _take(batch: list[bytes], digest: "hashlib._Hash", file: BinaryIO) -> None:
    _reserve_room(file, sum(map(len, batch)))
    for block in batch:
        digest.update(block)
        file.write(block)


def _reserve_room(file: BinaryIO, size: int) -> None:
    """Reserve room for what is written next; without it, writing is slower, not wrong."""
    position = file.tell()
    reserved = -(-position // RESERVED) * RESERVED
    if position + size > reserved and hasattr(os, "posix_fallocate"):  # macOS has none
        with suppress(OSError):
            os.posix_fallocate(file.fileno(), reserved, RESERVED)


def _batches(blocks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Put small blocks together: handing each to another thread would cost more than its work."""
    batch, size = [], 0
    for block in blocks:
        batch.append(block)
        size += len(block)
        if size >= GATHERED:
            yield batch
            batch, size = [], 0
    yield batch


def take_in_companions(companions: tuple[Path, ...], path: Path) -> str:
    """Bring the `-wal` or `-journal` of a local database into its copy; return the new sha256."""
    for companion in companions:
        beside = path.with_name(path.name + companion.name[companion.name.rindex("-") :])
        shutil.copyfile(companion, beside)
        beside.chmod(0o600)
    fold_in(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
