"""What a source is. A further kind is a class that fits `Source`, and its scheme in `SCHEMES`."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import cast

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.obtain.addresses import redacted
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


class Source(ABC):
    """Where one copy lies. Its errors don't name it: who calls puts the `label` in front."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self.request, self.stall_seconds = request, limits.stall_seconds
        self.label = redacted(request.source)

    @abstractmethod
    def open(self, offset: int, version: str | None) -> AbstractContextManager[Reading]:
        """Open the copy to read it from a byte on, if it still has this version.

        No wait is longer than `stall_seconds`. Raises Interrupted if trying again may help,
        SourceChanged if the copy is another one by now, else SourceError.
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
    kind = getattr(import_module(f"ethelred_runner.obtain.{module}"), name)
    try:
        return cast(Source, kind(request, limits))
    except ValueError:
        advice = "is the port a number, and / ? # [ in a password written as %2F %3F %23 %5B?"
        raise UsageError(f"this {scheme} address makes no sense: {advice}") from None
