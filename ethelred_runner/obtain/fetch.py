"""Copies of platforms' databases: fetched, unpacked and verified."""

import errno
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rich.filesize import decimal

from ethelred_runner import console
from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.folders import sha256_of
from ethelred_runner.obtain.download import download, was_replaced
from ethelred_runner.obtain.platforms import Platform
from ethelred_runner.obtain.requests import Limits, Request
from ethelred_runner.obtain.source import Found, Source, SourceChanged, find_source
from ethelred_runner.obtain.unpack import unpack
from ethelred_runner.obtain.verify import verify

FILE_NAME = "copy.sqlite3"  # says nothing of where a copy came from
DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
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
    sources = [find_source(request, limits) for request in requests]
    for request, source in zip(requests, sources, strict=True):
        yield _obtain(request, source, folder, limits)


def open_sources(requests: Sequence[Request], limits: Limits = DEFAULT_LIMITS) -> list[str]:
    """Open each source and close it again, downloading nothing; return their labels.

    Raises UsageError or SourceError for the first that can't be opened.
    """
    sources = [find_source(request, limits) for request in requests]
    for source in sources:
        with source.open(0, None):
            pass
    return [source.label for source in sources]


def date_in(name: str) -> date | None:
    """Return the first date (YYYY-MM-DD) in a file's name."""
    for text in DATE.findall(name):
        try:
            return date.fromisoformat(text)
        except ValueError:
            continue  # 2026-13-45 looks like a date
    return None


def _obtain(request: Request, source: Source, folder: Path, limits: Limits) -> Copy:
    for attempt in range(limits.restarts + 1):
        place = Path(tempfile.mkdtemp(prefix="copy-", dir=folder))
        try:
            return _obtain_once(request, source, place / FILE_NAME, limits)
        except SourceChanged as change:
            shutil.rmtree(place)
            reason = str(change)
        if attempt < limits.restarts:
            console.warn(f"{reason}; beginning again")
            time.sleep(limits.backoff_seconds * 2**attempt)
    raise SourceError(f"{reason} (begun {limits.restarts + 1} times); try again later")


def _obtain_once(request: Request, source: Source, path: Path, limits: Limits) -> Copy:
    started, found = time.monotonic(), None
    stored = path.with_name("stored")
    try:
        found = download(source, stored, limits)
        vouched_for = unpack(stored, path, limits)
        path.chmod(0o600)
        verify(path, request.platform, vouched_for=vouched_for)
        copy = _copy(request, found, path)
    except CopyRejected as error:
        if found and was_replaced(source, found):  # then it only looks damaged
            raise SourceChanged(f"{source.label}: it was replaced while it was read") from None
        raise CopyRejected(f"{source.label}: {error}") from None
    except OSError as error:
        raise SourceError(f"{source.label}: {_unwritten(error)}") from None
    _note(found, path, time.monotonic() - started)
    return copy


def _unwritten(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room, or set ETHELRED_WORK to a folder on another disk"
    return f"the copy can't be written: {error.strerror}"


def _note(found: Found, path: Path, seconds: float) -> None:
    size = f"{decimal(found.size)}, " if found.size is not None else ""
    content = decimal(path.stat().st_size)
    console.note(f"obtained {found.name}: {size}{content} of content, in {seconds:.1f} s")


def _copy(request: Request, found: Found, path: Path) -> Copy:
    return Copy(
        platform=request.platform,
        path=path,
        name=found.name,
        content_sha256=sha256_of(path),
        modified_at=found.modified_at,
        named_on=date_in(found.name),
        stated_taken_at=request.taken_at,
        obtained_at=datetime.now(UTC),
    )
