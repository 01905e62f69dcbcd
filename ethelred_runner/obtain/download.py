"""From a source to this machine's disk, over a network that fails: resumed, never stitched."""

import time
from contextlib import ExitStack
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.obtain.local import LocalSource
from ethelred_runner.obtain.requests import Limits
from ethelred_runner.obtain.source import Found, Interrupted, Reading, Source, SourceChanged
from ethelred_runner.obtain.unpack import check_room

WORKED = 2**20  # bytes after which a link that breaks once more has its retries back


def download(source: Source, path: Path, limits: Limits) -> Found:
    """Write what a source holds, as it is stored there, to a new file; go on after a cut.

    Raises SourceError if that can't be done, SourceChanged if the copy was replaced meanwhile,
    CopyRejected if it is larger than the limits allow.
    """
    if isinstance(source, LocalSource) and source.has_journal():
        return source.snapshot(path)
    with ExitStack() as stack:
        return _Download(source, path, limits, stack).run()


def was_replaced(source: Source, found: Found) -> bool:
    """Tell whether the source holds another copy by now; False if it can't be told."""
    try:
        with source.open(0, None) as reading:
            return reading.found.version != found.version
    except SourceError:
        return False


class _Download:
    """One copy on its way: how far it has come, and what has gone wrong since."""

    def __init__(self, source: Source, path: Path, limits: Limits, stack: ExitStack) -> None:
        self._source, self._limits, self._stack = source, limits, stack
        self._file = stack.enter_context(path.open("xb"))
        self._folder = path.parent
        self._found: Found | None = None
        self._position = self._failed_at = self._failures = 0

    def run(self) -> Found:
        while True:
            try:
                return self._read_on()
            except Interrupted as error:
                self._wait(error)

    def _read_on(self) -> Found:
        version = self._found.version if self._found else None
        with self._source.open(self._position, version) as reading:
            if self._found is None:
                self._begin(reading.found)
            self._check_continues(reading)
            for chunk in reading.chunks:
                self._write(chunk)
        self._check_complete(reading.found)
        return reading.found

    def _begin(self, found: Found) -> None:
        self._found = found
        self._check_limit(found.size or 0)
        check_room(found.size or 0, self._folder)
        self._advance = self._stack.enter_context(console.progress(found.name, found.size))

    def _write(self, chunk: bytes) -> None:
        self._check_limit(self._position + len(chunk))
        self._file.write(chunk)
        self._position += len(chunk)
        self._advance(len(chunk))

    def _check_limit(self, size: int) -> None:
        if size > self._limits.max_bytes:
            raise CopyRejected(
                f"it is larger than the limit of {self._limits.max_bytes:,} bytes; "
                "if that is as it should be, raise --max-bytes"
            )

    def _check_continues(self, reading: Reading) -> None:
        found = self._found
        if not found or (reading.found.version, reading.found.size) != (found.version, found.size):
            raise SourceChanged(f"{self._source.label}: the copy was replaced while it was read")
        if reading.starts_at != self._position or (self._position and not found.version):
            raise SourceChanged(f"{self._source.label}: the server can't go on where it stopped")

    def _check_complete(self, found: Found) -> None:
        if found.size is not None and self._position != found.size:
            raise Interrupted(
                f"{self._source.label}: the link ended after {self._position:,} of "
                f"{found.size:,} bytes"
            )

    def _wait(self, error: Interrupted) -> None:
        if self._position - self._failed_at >= WORKED:
            self._failures = 0
        self._failures += 1
        self._failed_at = self._position
        if self._failures > self._limits.retries:
            raise SourceError(f"{error} (tried {self._failures} times)") from None
        seconds = self._limits.backoff_seconds * 2 ** (self._failures - 1)
        console.warn(f"{error}; trying again in {seconds:g} s")
        time.sleep(seconds)
