"""Obtain copies: fetch each to disk, unpack it, and verify it."""

import csv
import errno
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from rich.filesize import decimal

from ethelred_runner import console
from ethelred_runner.errors import (
    CopyRejected,
    EthelredError,
    SourceError,
    UsageError,
    merged_error,
)
from ethelred_runner.folders import private_folder, set_access, sha256_of
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.local import LocalSource
from ethelred_runner.obtain.platforms import LONGEST_VALUE
from ethelred_runner.obtain.source import (
    RetryableError,
    Source,
    SourceChanged,
    SourceFile,
    find_source,
)
from ethelred_runner.obtain.unpack import ROOM_ADVICE, check_fits, unpack

LONGEST_BYTES = 4 * LONGEST_VALUE  # a character of UTF-8 has at most four
MIN_BYTES_PER_SECOND = 1000  # a copy of 500 MB would take six days
LATER = "check the address and the network, or run again later"
FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the limit on a file's size is reached (ulimit -f)",
}
LONGEST_CHECKSUMS = 2**16  # characters; a server may answer with the whole copy
MIN_PROGRESS_BYTES = 2**20  # once so many more bytes have arrived, all retries are there again


@dataclass(frozen=True)
class Copy:
    """One obtained, unpacked and verified copy: a file of mode 0600 in a folder of its own.

    `logins`, beside it, is CSV of the login column: the value in hexadecimal, and its storage
    class. `kind` is the reader's KIND. Timestamps are aware, in UTC. `name` is the name of the
    (resolved) source file, and `modified_at` its modification time. They are evidence for the dbt
    model `int_obtained_copies`, which decides when the copy was taken.
    """

    request: CopyRequest
    path: Path
    logins: Path
    name: str
    content_sha256: str
    kind: str
    modified_at: datetime | None
    obtained_at: datetime


def obtain(
    requests: Sequence[CopyRequest], folder: Path, failures: list[EthelredError] | None = None
) -> Iterator[Copy]:
    """Yield one fetched, unpacked and verified copy after another.

    Every address is checked before the first copy is fetched. Raises UsageError for an invalid
    one, SourceError if a source can't be read or the disk has no room, and CopyRejected if the
    copy is damaged or of another database. If `failures` is given, SourceError and CopyRejected
    are added to it, and the next copy follows.
    """
    for source in [find_source(request) for request in requests]:
        try:
            with _labelled_errors(source):
                copy = _obtain(source, folder)
        except (SourceError, CopyRejected) as error:
            if failures is None:
                raise
            failures.append(error)
        else:
            yield copy


def obtain_to(requests: Sequence[CopyRequest], directory: Path) -> list[Path]:
    """Obtain copies into `directory`, each under its own name with mode 0600; return the paths.

    The file's modification time is `--taken-at`, or else `modified_at`. If both are unknown it is
    0, because `build` would believe the moment of the download. A file appears whole or not at
    all. An existing file with the same content stays, but gets the time of `--taken-at`.

    Raises UsageError if another copy has that name, or if the folder can't be written to. At the
    end, raises SourceError or CopyRejected for the copies that couldn't be obtained.
    """
    failures: list[EthelredError] = []
    for request in requests:  # an invalid address must create no folder
        find_source(request)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with private_folder(inside=directory) as folder:
            paths = [_keep(copy, directory) for copy in obtain(requests, folder, failures)]
    except OSError as error:
        raise UsageError(f"{directory}: the copies can't be put there: {error.strerror}") from None
    if failures:
        raise merged_error(failures)
    return paths


def check_sources(requests: Sequence[CopyRequest]) -> list[str]:
    """Open each source without downloading it; return their labels.

    Raises UsageError or SourceError for the first that can't be opened.
    """
    sources = [find_source(request) for request in requests]
    for source in sources:
        with _labelled_errors(source), source.open(0, ()):
            pass
    return [source.label for source in sources]


@contextmanager
def _labelled_errors(source: Source) -> Iterator[None]:
    """Put the source's label in front of its errors."""
    try:
        yield
    except SourceError as error:
        raise type(error)(f"{source.label}: {error}") from None
    except CopyRejected as error:
        # A message with a semicolon has advice already; one about damage gets it here.
        advice = "" if ";" in str(error) else "; run again, or have the copy made anew"
        raise CopyRejected(f"{source.label}: {error}{advice}") from None
    except OSError as error:
        limit = FULL.get(error.errno or 0)
        reason = f"{limit}; {ROOM_ADVICE}" if limit else f"it can't be copied: {error.strerror}"
        raise SourceError(f"{source.label}: {reason}") from None


def _obtain(source: Source, folder: Path) -> Copy:
    # Neutral names reveal no source.
    place, request = Path(tempfile.mkdtemp(prefix="copy-", dir=folder)), source.request
    downloaded, path, logins = (place / name for name in ("downloaded", "copy", "logins.csv"))
    first = _fetch(source, downloaded)
    agrees = _has_right_checksum(request, downloaded)
    reader, is_covered = unpack(downloaded, path, request.platform)
    set_access(path, 0o600, like=folder)
    unusual, unchecked = reader.verify(path, request.platform, checksummed=agrees or is_covered)
    with logins.open("x", newline="", encoding="ascii") as lines:
        # Hexadecimal keeps line ends and commas out.
        found = reader.values(path, request.platform)
        csv.writer(lines).writerows((value[:LONGEST_BYTES].hex(), kind) for value, kind in found)
    for finding in unusual:
        console.note(f"{source.label}: unusual, but no damage: {finding}")
    for reason in unchecked:
        console.warn(f"{source.label}: taken; not checked: {reason}")
    console.note(f"obtained {first.name}: {decimal(path.stat().st_size)} of content")
    sha256, now = sha256_of(path), datetime.now(UTC)
    return Copy(request, path, logins, first.name, sha256, reader.KIND, first.modified_at, now)


def _has_right_checksum(request: CopyRequest, downloaded: Path) -> bool:
    """Return whether a `.sha256` file is there and agrees. Raises CopyRejected if it disagrees."""
    if re.search("[?#]", request.source):  # a signed address is valid for one file only
        return False
    beside = downloaded.with_name("sha256")
    with suppress(SourceError, OSError):  # missing or unreadable
        _fetch(find_source(replace(request, source=f"{request.source}.sha256")), beside)
    with beside.open(errors="replace") as file:
        text = file.read(LONGEST_CHECKSUMS).lower()
    # Tools write different forms and encodings. A web page may list the hashes of other files.
    found = re.findall(r"\b[0-9a-f]{64}\b", text.replace("\0", "")) if "<" not in text else []
    if found and sha256_of(downloaded) not in found:
        raise CopyRejected(
            "its SHA-256 is another than the .sha256 beside it says: the copy was damaged, or was "
            "replaced meanwhile; run again"
        )
    return bool(found)


def _fetch(source: Source, path: Path) -> SourceFile:
    """Download a source's file, as it is stored there, to a new file.

    A broken download resumes where it stopped. It starts again if it can't resume.
    """
    first = None
    failures = furthest = 0
    with path.open("xb") as file:
        while True:
            try:
                if isinstance(source, LocalSource) and len(source.files()) > 1:
                    return source.snapshot(path)
                with source.open(file.tell(), first.validators if first else ()) as reading:
                    first = first or reading
                    _read(reading, first, file, source.slow_seconds)
                return first
            except RetryableError as error:
                failures = 1 if file.tell() >= furthest + MIN_PROGRESS_BYTES else failures + 1
                furthest = max(furthest, file.tell())
                if failures > source.retries:
                    raise SourceError(f"{error} (tried {failures} times); {LATER}") from None
                seconds = max(source.backoff_seconds * 2 ** (failures - 1), error.wait_seconds)
                console.warn(f"{source.label}: {error}; trying again in {seconds:g} s")
                time.sleep(seconds)
                if isinstance(error, SourceChanged):
                    first = None
                    file.seek(0)
                    file.truncate()


def _read(reading: SourceFile, first: SourceFile, file: BinaryIO, slow_seconds: float) -> None:
    """Append the bytes of one connection to the file."""
    position, size, began = file.tell(), first.size, time.monotonic()
    if (reading.validators, reading.size) != (first.validators, size):
        raise SourceChanged("the copy was replaced while it was read")
    if reading.offset != position or (position and not first.validators):
        raise SourceChanged("the server can't resume the download")
    check_fits((size or 0) - position, Path(file.name).parent)
    with console.progress(first.name, size) as advance:
        advance(position)
        for chunk in reading.chunks:
            file.write(chunk)
            advance(len(chunk))
            seconds = time.monotonic() - began
            if seconds > slow_seconds and file.tell() - position < seconds * MIN_BYTES_PER_SECOND:
                raise RetryableError(f"fewer than {MIN_BYTES_PER_SECOND:,} bytes a second arrive")
    if size not in (None, file.tell()):
        raise RetryableError(f"the connection ended after {file.tell():,} of {size:,} bytes")


def _keep(copy: Copy, directory: Path) -> Path:
    target = directory / re.sub(r"\.(zst|zstd|gz)$", "", copy.name, flags=re.IGNORECASE)
    moment = copy.request.taken_at or copy.modified_at
    times = 2 * (round(moment.timestamp() * 10**6) * 1000 if moment else 0,)
    os.utime(copy.path, ns=times)
    try:
        os.link(copy.path, target)  # unlike a rename, it never replaces what is there
    except FileExistsError:
        if sha256_of(target) != copy.content_sha256:
            raise UsageError(f"{target} is another copy; move it away first") from None
        if copy.request.taken_at:
            os.utime(target, ns=times)
    copy.path.unlink()
    return target
