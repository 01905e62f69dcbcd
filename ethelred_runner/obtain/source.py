"""What a source is. A further kind is one file with a class that fits `Source`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import PurePosixPath
from typing import Protocol, cast
from urllib.parse import unquote, urlsplit

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.obtain.requests import Limits, Request

CHUNK = 2**20  # bytes

# Imported only when needed: the libraries behind them take up to 0.3 s to load.
SCHEMES = {
    "file": "local:LocalSource",
    "https": "objects:WebSource",
    "http": "objects:WebSource",
    "sftp": "sftp:SftpSource",
    "s3": "objects:S3Source",
}


@dataclass(frozen=True)
class Found:
    """What a source says of a copy before its first byte is read.

    `name` is the last part of the resolved name, `size` the bytes as stored, `modified_at` UTC
    and aware. `version` changes when the content does; without one, reading can't be resumed.
    """

    name: str
    size: int | None
    modified_at: datetime | None
    version: str | None


@dataclass(frozen=True)
class Reading:
    """An open copy: its bytes from `starts_at` on, which may be 0 where more was asked for."""

    found: Found
    starts_at: int
    chunks: Iterator[bytes]


class Source(Protocol):
    """Where one copy lies. `label` is its address as it may be shown, without secrets."""

    label: str

    def open(self, offset: int, version: str | None) -> AbstractContextManager[Reading]:
        """Open the copy to read it from a byte on, if it still has this version.

        No wait is longer than the limits' `stall_seconds`. Raises Interrupted if trying again
        may help, SourceChanged if the copy is another one by now, else SourceError.
        """


class Interrupted(SourceError):
    """The source can't be read now; trying again may help."""


class SourceChanged(SourceError):
    """The copy is not the one that was begun, so its parts must not be joined."""


def find_source(request: Request, limits: Limits) -> Source:
    """Return the source at a path or URL; nothing is contacted yet.

    Raises UsageError if no source handles the scheme, or if the address makes no sense to it.
    """
    scheme, separator, _ = request.source.partition("://")
    scheme = scheme.lower() if separator else "file"
    if scheme not in SCHEMES:
        raise UsageError(
            f"no source handles {scheme}:// addresses: use a local path, or one of "
            f"{', '.join(f'{known}://' for known in SCHEMES if known != 'http')}"
        )
    module, name = SCHEMES[scheme].split(":")
    make = getattr(import_module(f"ethelred_runner.obtain.{module}"), name)
    return cast(Source, make(request, limits))


def redacted(address: str) -> str:
    """Return an address without what may be secret: user, password, query and fragment."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def last_part(path: str) -> str:
    """Return the decoded last part of a URL's path as a name that is safe to print and use."""
    name = PurePosixPath(unquote(path).replace("\\", "/")).name
    return printable(name).lstrip(".")[:200] or "copy"


def printable(text: str) -> str:
    """Return a text from elsewhere without line ends and what else controls a terminal or log."""
    return "".join(letter for letter in text if letter.isprintable())


def utc(seconds: float) -> datetime:
    """Return the aware UTC time of a Unix time."""
    return datetime.fromtimestamp(seconds, UTC)
