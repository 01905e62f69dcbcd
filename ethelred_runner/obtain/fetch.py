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
from typing import BinaryIO

from rich.filesize import decimal

from ethelred_runner import console
from ethelred_runner.errors import CopyRejected, SourceError
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
        stored_size = stored.stat().st_size
        sha256, checksummed = unpack(stored, path, limits)
        path.chmod(0o600)
        verify(path, source.request.platform, vouched_for=checksummed)
    except CopyRejected:
        if found and _was_replaced(source, found):  # then it only looks damaged
            raise SourceChanged("it was replaced while it was read") from None
        raise
    except OSError as error:
        raise SourceError(_unwritten(error)) from None
    sizes = f"{decimal(stored_size)}, {decimal(path.stat().st_size)} of content"
    console.note(f"obtained {found.name}: {sizes}, in {time.monotonic() - started:.1f} s")
    return Copy(
        platform=source.request.platform,
        path=path,
        name=found.name,
        content_sha256=sha256,
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


def _fetch(source: Source, path: Path, limits: Limits) -> Found:
    """Write what a source holds, as it is stored there, to a new file; go on after a cut."""
    if isinstance(source, LocalSource) and source.has_journal():
        return source.snapshot(path)
    found: Found | None = None
    failures = failed_at = 0
    with ExitStack() as stack:
        file = stack.enter_context(path.open("xb"))
        while True:
            try:
                with source.open(file.tell(), found.version if found else None) as reading:
                    if found is None:
                        found = reading.found
                        check_fits(found.size or 0, path.parent, limits)
                        advance = stack.enter_context(console.progress(found.name, found.size))
                    _check_continues(reading, found, file.tell())
                    _write(reading.chunks, file, advance, limits)
                if found.size in (None, file.tell()):
                    return found
                raise Interrupted(f"the link ended after {file.tell():,} of {found.size:,} bytes")
            except Interrupted as error:
                failures = 1 if file.tell() - failed_at >= WORKED else failures + 1
                failed_at = file.tell()
                _wait(error, source, failures, limits)


def _write(
    chunks: Iterator[bytes], file: BinaryIO, advance: console.Advance, limits: Limits
) -> None:
    for chunk in chunks:
        check_limit(file.tell() + len(chunk), limits)
        file.write(chunk)
        advance(len(chunk))


def _check_continues(reading: Reading, found: Found, position: int) -> None:
    if (reading.found.version, reading.found.size) != (found.version, found.size):
        raise SourceChanged("the copy was replaced while it was read")
    if reading.starts_at != position or (position and not found.version):
        raise SourceChanged("the server can't go on where it stopped")


def _wait(error: Interrupted, source: Source, failures: int, limits: Limits) -> None:
    """Wait before the next try, each time for longer."""
    if failures > limits.retries:
        raise SourceError(f"{error} (tried {failures} times)") from None
    seconds = limits.backoff_seconds * 2 ** (failures - 1)
    console.warn(f"{source.label}: {error}; trying again in {seconds:g} s")
    time.sleep(seconds)
