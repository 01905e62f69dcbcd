"""Copies of platforms' databases: fetched, decompressed, hashed and verified, in one pass."""

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
from ethelred_runner.copies import Copy
from ethelred_runner.decompress import Packing, unpack
from ethelred_runner.download import Download, download
from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.limits import Limits
from ethelred_runner.platforms import Platform
from ethelred_runner.progress import Advance, progress
from ethelred_runner.receive import bounded, take_in_companions, write
from ethelred_runner.sources import Found, Source, SourceChanged, find_source
from ethelred_runner.sources.base import authorization_for
from ethelred_runner.verify import verify

__all__ = ["Limits", "Request", "date_in", "obtain"]

FILE_NAME = "copy.sqlite3"  # says nothing of where a copy came from
DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Request:
    """One copy to obtain. `taken_at` is what `--taken-at` said (aware, UTC), if anything.

    `default_platform` is what `--platform` said: whose source gets ETHELRED_HTTP_AUTHORIZATION.
    """

    source: str
    platform: Platform
    taken_at: datetime | None = None
    default_platform: str = "opencodelists"

    def found_source(self) -> Source:
        """Return where the copy lies, with what its platform's server has to be told."""
        authorization = authorization_for(self.platform.platform, self.default_platform)
        return find_source(self.source, authorization)


def obtain(
    requests: Sequence[Request], folder: Path, limits: Limits = DEFAULT_LIMITS
) -> list[Copy]:
    """Fetch, decompress and verify each copy into a fresh sub-folder of `folder`, mode 0600.

    Raises UsageError for an address that makes no sense, SourceError if a source can't be read
    or the disk has no room, CopyRejected if what arrived is damaged or no copy of the
    platform's database.
    """
    sources = [request.found_source() for request in requests]
    return [
        _obtain(request, source, folder, limits)
        for request, source in zip(requests, sources, strict=True)
    ]


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
    started = time.monotonic()
    with download(source, limits) as arriving:
        try:
            sha256 = _receive(arriving, request.platform, path, limits)
        except CopyRejected as error:
            if arriving.was_replaced():  # then it only looks damaged
                raise SourceChanged(f"{source.label}: it was replaced while it was read") from None
            raise CopyRejected(f"{source.label}: {error}") from None
        except OSError as error:
            raise SourceError(_no_room(source, error)) from None
    _tell(arriving.found, path, time.monotonic() - started)
    return _copy(request, arriving.found, path, sha256)


def _receive(arriving: Download, platform: Platform, path: Path, limits: Limits) -> str:
    """Write the decompressed, verified copy, and return the sha256 of its content."""
    packing, found = Packing(), arriving.found
    with progress(found.name, found.size) as advance:
        blocks = unpack(_counted(arriving.chunks, advance), packing)
        companions = found.companions if packing.form == "plain" else ()
        sha256 = write(bounded(blocks, path.parent, limits, companions), path)
    if companions:
        sha256 = take_in_companions(companions, path)
    verify(path, platform, vouched_for=packing.checksummed)
    return sha256


def _counted(chunks: Iterator[bytes], advance: Advance) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        advance(len(chunk))


def _no_room(source: Source, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{source.label}: the disk is full; make room, or set ETHELRED_WORK to a folder "
            "on another disk"
        )
    return f"{source.label}: the copy can't be written: {error.strerror}"


def _tell(found: Found, path: Path, seconds: float) -> None:
    size = f"{decimal(found.size)}, " if found.size is not None else ""
    content = decimal(path.stat().st_size)
    console.note(f"obtained {found.name}: {size}{content} of content, in {seconds:.1f} s")


def _copy(request: Request, found: Found, path: Path, sha256: str) -> Copy:
    return Copy(
        platform=request.platform,
        path=path,
        name=found.name,
        content_sha256=sha256,
        modified_at=found.modified_at,
        named_on=date_in(found.name),
        stated_taken_at=request.taken_at,
        obtained_at=datetime.now(UTC),
    )
