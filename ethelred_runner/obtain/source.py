"""What a source is. A further kind is a class that fits `Source`, and its scheme in `SCHEMES`."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import PurePosixPath
from urllib.parse import urlsplit

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
class Reading:
    """An open copy: what its source says of it, and its bytes from `starts_at` on.

    `path` is the resolved one, `size` the bytes as stored, `modified_at` UTC and aware. `version`
    changes when the content does; without one, reading can't be resumed. `starts_at` may be 0
    where more was asked for.
    """

    path: str
    size: int | None
    modified_at: datetime | None
    version: str | None
    starts_at: int = 0
    chunks: Iterable[bytes] = ()

    @property
    def name(self) -> str:
        """The last part of the path, safe to print and to use for a file."""
        name = PurePosixPath(self.path.replace("\\", "/")).name
        return "".join(filter(str.isprintable, name)).lstrip(".")[:200] or "copy"


class Source(ABC):
    """Where one copy lies. Its errors don't name it: who calls puts the `label` in front."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self.request, self.stall_seconds = request, limits.stall_seconds
        parts = urlsplit(request.source)  # user, password, query and fragment may be secret
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self.label = shown if "://" in request.source else request.source

    @abstractmethod
    def open(self, offset: int, version: str | None) -> AbstractContextManager[Reading]:
        """Open the copy to read it from a byte on, if it still has this version.

        No wait is longer than `stall_seconds`. Raises Interrupted if trying again may help,
        SourceChanged if the copy is another one by now, else SourceError or OSError.
        """


class Interrupted(SourceError):
    """The source can't be read now; trying again may help."""


class SourceChanged(Interrupted):
    """The copy is not the one that was begun, so it must be read from its start again."""


def find_source(request: Request, limits: Limits) -> Source:
    """Return the source at a path or URL; nothing is contacted yet.

    Raises UsageError if no source handles the scheme, or if the address makes no sense to it.
    """
    scheme, separator, _ = request.source.partition("://")
    scheme = scheme.lower() if separator else "file"
    if scheme not in SCHEMES:
        known = "a local path, file://, https://, sftp:// or s3://"
        raise UsageError(f"no source handles {scheme}:// addresses; use {known}")
    module, name = SCHEMES[scheme].split(":")
    kind: type[Source] = getattr(import_module(f"ethelred_runner.obtain.{module}"), name)
    try:
        return kind(request, limits)
    except ValueError:
        advice = "check its port, and write / ? # [ in a password as %2F %3F %23 %5B"
        raise UsageError(f"this {scheme} address makes no sense: {advice}") from None
