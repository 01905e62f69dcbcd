"""From a source to a verified copy: fetched to disk, unpacked, verified; begun again if need be."""

import errno
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rich.filesize import decimal

from ethelred_runner import console
from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.folders import sha256_of
from ethelred_runner.obtain.local import LocalSource
from ethelred_runner.obtain.platforms import Platform
from ethelred_runner.obtain.requests import Limits, Request
from ethelred_runner.obtain.source import (
    Found,
    Interrupted,
    Reading,
    Source,
    SourceChanged,
    find_source,
)
from ethelred_runner.obtain.unpack import check_fits, check_limit, unpack
from ethelred_runner.obtain.verify import verify

FILE_NAME = "copy.sqlite3"  # says nothing of where a copy came from
DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
WORKED = 2**20  # bytes after which a link that breaks once more has its retries back
DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Copy:
    """One obtained, unpacked and verified copy: a file of mode 0600 in a folder of its own.

    Timestamps are in UTC and aware. `modified_at` is the source's own modification time,
    `named_on` the date in the name of the (resolved) source file, `stated_taken_at` what
    `--taken-at` said: the dbt model `int_copies` decides from these when the copy was taken.
    """

    platform: Platform
    path: Path
    name: str
    content_sha256: str
    modified_at: datetime | None
    named_on: date | None
    stated_taken_at: datetime | None
    obtained_at: datetime


def obtain(
    requests: Sequence[Request], folder: Path, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Copy]:
    """Fetch, unpack and verify one copy after another, each when it is asked for.

    Every address is looked at before the first copy is fetched. Raises UsageError for one that
    makes no sense, SourceError if a source can't be read or the disk has no room, CopyRejected
    if what arrived is damaged or no copy of the platform's database.
    """
    for source in [find_source(request, limits) for request in requests]:
        with _named(source):
            copy = _obtain(source, folder, limits)
        yield copy


def open_sources(requests: Sequence[Request], limits: Limits = DEFAULT_LIMITS) -> list[str]:
    """Open each source and close it again, downloading nothing; return their labels.

    Raises UsageError or SourceError for the first that can't be opened.
    """
    sources = [find_source(request, limits) for request in requests]
    for source in sources:
        with _named(source), source.open(0, None):
            pass
    return [source.label for source in sources]


@contextmanager
def _named(source: Source) -> Iterator[None]:
    """Have the errors name the source that they are about."""
    try:
        yield
    except (SourceError, CopyRejected) as error:
        raise type(error)(f"{source.label}: {error}") from None


def date_in(name: str) -> date | None:
    """Return the first date (YYYY-MM-DD) in a file's name."""
    for text in DATE.findall(name):
        try:
            return date.fromisoformat(text)
        except ValueError:
            continue  # 2026-13-45 looks like a date
    return None


def _obtain(source: Source, folder: Path, limits: Limits) -> Copy:
    for attempt in range(limits.restarts + 1):
        place = Path(tempfile.mkdtemp(prefix="copy-", dir=folder))
        try:
            return _obtain_once(source, place / FILE_NAME, limits)
        except SourceChanged as change:
            shutil.rmtree(place)
            reason = str(change)
        if attempt < limits.restarts:
            console.warn(f"{source.label}: {reason}; beginning again")
            time.sleep(limits.backoff_seconds * 2**attempt)
    raise SourceError(f"{reason} (begun {limits.restarts + 1} times); try again later")


def _obtain_once(source: Source, path: Path, limits: Limits) -> Copy:
    started, found = time.monotonic(), None
    stored = path.with_name("stored")
    try:
        found = _fetch(source, stored, limits)
        checksummed = unpack(stored, path, limits)
        path.chmod(0o600)
        verify(path, source.request.platform, vouched_for=checksummed)
    except CopyRejected:
        if found and _was_replaced(source, found):  # then it only looks damaged
            raise SourceChanged("it was replaced while it was read") from None
        raise
    except OSError as error:
        raise SourceError(_unwritten(error)) from None
    _note(found, path, time.monotonic() - started)
    return Copy(
        platform=source.request.platform,
        path=path,
        name=found.name,
        content_sha256=sha256_of(path),
        modified_at=found.modified_at,
        named_on=date_in(found.name),
        stated_taken_at=source.request.taken_at,
        obtained_at=datetime.now(UTC),
    )


def _was_replaced(source: Source, found: Found) -> bool:
    """Tell whether the source holds another copy by now; False if it can't be told."""
    try:
        with source.open(0, None) as reading:
            return reading.found.version != found.version
    except SourceError:
        return False


def _unwritten(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room, or set ETHELRED_WORK to a folder on another disk"
    return f"the copy can't be written: {error.strerror}"


def _note(found: Found, path: Path, seconds: float) -> None:
    size = f"{decimal(found.size)}, " if found.size is not None else ""
    content = decimal(path.stat().st_size)
    console.note(f"obtained {found.name}: {size}{content} of content, in {seconds:.1f} s")


def _fetch(source: Source, path: Path, limits: Limits) -> Found:
    """Write what a source holds, as it is stored there, to a new file."""
    if isinstance(source, LocalSource) and source.has_journal():
        return source.snapshot(path)
    with ExitStack() as stack:
        return _Fetch(source, path, limits, stack).run()


class _Fetch:
    """One copy on its way: how far it has come, and what has gone wrong since."""

    def __init__(self, source: Source, path: Path, limits: Limits, stack: ExitStack) -> None:
        self._source, self._limits, self._stack = source, limits, stack
        self._folder, self._file = path.parent, stack.enter_context(path.open("xb"))
        self._found: Found | None = None
        self._position = self._failed_at = self._failures = 0

    def run(self) -> Found:
        """Read to the end, and go on where a broken link stopped."""
        while True:
            try:
                return self._read_on()
            except Interrupted as error:
                self._wait(error)

    def _read_on(self) -> Found:
        version = self._found.version if self._found else None
        with self._source.open(self._position, version) as reading:
            found = self._found = self._found or self._begin(reading.found)
            self._check_continues(reading, found)
            for chunk in reading.chunks:
                self._position += len(chunk)
                check_limit(self._position, self._limits)
                self._file.write(chunk)
                self._advance(len(chunk))
        if found.size is not None and self._position != found.size:
            raise Interrupted(f"the link ended after {self._position:,} of {found.size:,} bytes")
        return found

    def _begin(self, found: Found) -> Found:
        check_fits(found.size or 0, self._folder, self._limits)
        self._advance = self._stack.enter_context(console.progress(found.name, found.size))
        return found

    def _check_continues(self, reading: Reading, found: Found) -> None:
        if (reading.found.version, reading.found.size) != (found.version, found.size):
            raise SourceChanged("the copy was replaced while it was read")
        if reading.starts_at != self._position or (self._position and not found.version):
            raise SourceChanged("the server can't go on where it stopped")

    def _wait(self, error: Interrupted) -> None:
        if self._position - self._failed_at >= WORKED:
            self._failures = 0
        self._failures, self._failed_at = self._failures + 1, self._position
        if self._failures > self._limits.retries:
            raise SourceError(f"{error} (tried {self._failures} times)") from None
        seconds = self._limits.backoff_seconds * 2 ** (self._failures - 1)
        console.warn(f"{self._source.label}: {error}; trying again in {seconds:g} s")
        time.sleep(seconds)
