"""Reading a source to its end over a network that fails: resumed, or begun again, never joined.

The sources are asynchronous and run in a thread of their own, so that one time-out covers every
kind of source, and the next bytes travel while those before are decompressed.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from anyio import TASK_STATUS_IGNORED, EndOfStream, WouldBlock, create_memory_object_stream
from anyio.abc import ObjectSendStream, TaskStatus
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.streams.memory import MemoryObjectReceiveStream

from ethelred_runner import console
from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.limits import Limits
from ethelred_runner.sources import Found, Interrupted, Reading, Source, SourceChanged
from ethelred_runner.sources.base import CHUNK

AHEAD = 4  # chunks that may wait to be decompressed
WORKED = 2**20  # bytes after which a link that breaks once more has its retries back


@dataclass(frozen=True)
class Download:
    """A copy that is arriving: what its source says of it, and its bytes as stored."""

    found: Found
    chunks: Iterator[bytes]
    was_replaced: Callable[[], bool]


@contextmanager
def download(source: Source, limits: Limits) -> Iterator[Download]:
    """Read a source in the background, and go on where a broken link stopped.

    Raises SourceError if that can't be done, SourceChanged if the copy was replaced meanwhile,
    CopyRejected if it is larger than the limits allow; so does iterating over the chunks.
    """
    with start_blocking_portal() as portal:
        sender, receiver = create_memory_object_stream[bytes](AHEAD)
        reader = _Reader(source, limits, sender)
        try:
            future, found = portal.start_task(reader.run)
            chunks = _received(portal, receiver, future.result)
            try:
                yield Download(found, chunks, lambda: portal.call(reader.was_replaced))
            finally:
                future.cancel()
        finally:
            portal.call(receiver.close)


def _received(
    portal: BlockingPortal, receiver: MemoryObjectReceiveStream[bytes], outcome: Callable[[], None]
) -> Iterator[bytes]:
    while True:
        try:
            yield from portal.call(_all_that_came, receiver)
        except EndOfStream:
            break
    outcome()  # raises what ended the download before its time


async def _all_that_came(receiver: MemoryObjectReceiveStream[bytes]) -> list[bytes]:
    """Wait for a chunk, and take along those behind it: each change of threads takes time."""
    chunks = [await receiver.receive()]
    with suppress(WouldBlock, EndOfStream):
        while True:
            chunks.append(receiver.receive_nowait())
    return chunks


class _Reader:
    """One copy on its way: how far it has come, and what has gone wrong since."""

    def __init__(self, source: Source, limits: Limits, sender: ObjectSendStream[bytes]) -> None:
        self._source, self._limits, self._sender = source, limits, sender
        self._found: Found | None = None
        self._position = 0
        self._failures = 0
        self._failed_at = 0

    async def run(self, *, task_status: TaskStatus[Found] = TASK_STATUS_IGNORED) -> None:
        """Read to the end; `task_status` is told what the source says of the copy."""
        async with self._sender:
            while True:
                try:
                    return await self._read_on(task_status)
                except Interrupted as error:
                    await self._wait(error)

    async def was_replaced(self) -> bool:
        """Tell whether the source holds another copy by now; False if it can't be told."""
        try:
            async with self._opened(0) as reading:
                return self._found is not None and reading.found.version != self._found.version
        except SourceChanged:
            return True
        except SourceError:
            return False

    async def _read_on(self, task_status: TaskStatus[Found]) -> None:
        async with self._opened(self._position) as reading:
            if self._found is None:
                self._found = reading.found
                task_status.started(reading.found)
            self._check_continues(reading)
            async with aclosing(_joined(self._patiently(reading.chunks))) as chunks:
                async for chunk in chunks:
                    await self._pass_on(chunk)
        self._check_complete(reading.found)

    @asynccontextmanager
    async def _opened(self, offset: int) -> AsyncIterator[Reading]:
        version = self._found.version if self._found else None
        async with AsyncExitStack() as stack:
            async with self._patience():
                reading = await stack.enter_async_context(self._source.open(offset, version))
            yield reading

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        seconds = self._limits.stall_seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            message = f"{self._source.label}: nothing arrived for {seconds:g} seconds"
            raise Interrupted(message) from None

    async def _patiently(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            async with self._patience():
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk

    async def _pass_on(self, chunk: bytes) -> None:
        self._position += len(chunk)
        if self._position > self._limits.max_bytes:
            raise CopyRejected(f"it is larger than the limit of {self._limits.max_bytes:,} bytes")
        await self._sender.send(chunk)

    def _check_continues(self, reading: Reading) -> None:
        if self._found is None or reading.found.version != self._found.version:
            raise SourceChanged(f"{self._source.label}: the copy was replaced while it was read")
        if reading.starts_at != self._position or (self._position and not reading.found.version):
            raise SourceChanged(f"{self._source.label}: the server can't go on where it stopped")

    def _check_complete(self, found: Found) -> None:
        if found.size is not None and self._position != found.size:
            raise Interrupted(
                f"{self._source.label}: the link ended after {self._position:,} of "
                f"{found.size:,} bytes"
            )

    async def _wait(self, error: Interrupted) -> None:
        if self._position - self._failed_at >= WORKED:
            self._failures = 0
        self._failures += 1
        self._failed_at = self._position
        if self._failures > self._limits.retries:
            raise SourceError(f"{error} (tried {self._failures} times)") from None
        seconds = self._limits.backoff_seconds * 2 ** (self._failures - 1)
        console.warn(f"{error}; trying again in {seconds:g} s")
        await asyncio.sleep(seconds)


async def _joined(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Join small pieces: each chunk costs a change of threads, so it had better be large."""
    pending: list[bytes] = []
    try:
        async for chunk in chunks:
            pending.append(chunk)
            if sum(map(len, pending)) >= CHUNK:
                yield b"".join(pending)
                pending.clear()
    except Interrupted:
        if pending:  # what arrived before the link broke need not arrive again
            yield b"".join(pending)
        raise
    if pending:
        yield b"".join(pending)
