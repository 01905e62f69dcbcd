"""What a source is. A further kind is a class that fits `Source`, and its scheme in `SCHEMES`."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import PurePosixPath
from urllib.parse import unquote

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.obtain.copy_requests import CopyRequest

CHUNK = 2**20  # bytes
LATEST_TIME = 2**32  # seconds since 1970: a later modification time can't be meant
# Scheme, host, port and path may be shown; user, password, query and fragment may be secret.
ADDRESS = re.compile(
    r"(\w+://)(?:[^/?#]*@)?(\[[^]/?#@]*\]|[^]/?#@:[]*)(:\d*)?(/[^?#@]*)?(?:[?#][^@]*)?"
)

# Imported only when needed: the libraries behind them take up to 0.3 s to load.
SCHEMES = {
    "file": "local:LocalSource",
    "https": "web:WebSource",
    "http": "web:WebSource",
    "sftp": "sftp:SftpSource",
    "s3": "web:S3Source",
}


@dataclass(frozen=True)
class SourceFile:
    """An open copy: what its source says of it, and its bytes from `starts_at` on.

    `path` is the resolved one, `size` the bytes as stored, `modified` seconds since 1970.
    `validator` changes when the content does; without one, reading can't be resumed. `starts_at`
    may be 0 where more was asked for.
    """

    path: str
    size: int | None
    modified: float | None
    validator: str | None
    starts_at: int = 0
    chunks: Iterable[bytes] = ()

    @property
    def modified_at(self) -> datetime | None:
        """The time in UTC, if it can be meant: 0 is what a server says that knows none."""
        seconds = self.modified or 0
        return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < LATEST_TIME else None

    @property
    def name(self) -> str:
        """The last part of the path, safe to print and to use for a file."""
        name = PurePosixPath(self.path.replace("\\", "/")).name
        return "".join(filter(str.isprintable, name)).lstrip(".")[:200] or "copy"


class Source(ABC):
    """Where one copy lies. Its errors don't name it: who calls puts the `label` in front."""

    def __init__(self, request: CopyRequest) -> None:
        self.request, self.stall_seconds = request, request.policy.stall_seconds
        self.label = label_of(request.source)

    @abstractmethod
    def open(self, offset: int, validator: str | None) -> AbstractContextManager[SourceFile]:
        """Open the copy to read it from a byte on, if it still has this validator.

        No wait is longer than `stall_seconds`. Raises RetryableError if trying again may help,
        SourceChanged if the copy is another one by now, else SourceError or OSError.
        """


class RetryableError(SourceError):
    """The source can't be read now; trying again may help, after `wait_seconds` at the earliest."""

    wait_seconds = 0.0


class SourceChanged(RetryableError):
    """The copy is not the one that was begun, so it must be read from its start again."""


def label_of(address: str) -> str:
    """Return an address as it may be printed, without what may be secret in it."""
    shown = address
    if "://" in address and not address.lower().startswith("file://"):
        parts = ADDRESS.fullmatch(address)
        shown = "".join(filter(None, parts.groups())) if parts else "an unclear address"
    elif re.search("[@?#]", address) and not os.path.lexists(address):  # it may be mistyped
        shown = "a path or mistyped address that is not there"
    return "".join(filter(str.isprintable, shown))


def find_source(request: CopyRequest) -> Source:
    """Return the source at a path or URL; nothing is contacted yet.

    Raises UsageError if no source handles the scheme, or if the address makes no sense to it.
    """
    scheme, separator, _ = request.source.partition("://")
    scheme = scheme.lower() if separator else "file"
    if scheme not in SCHEMES:
        known = "a local path, file://, https://, sftp:// or s3://"
        shown = f"{scheme}://" if scheme.isalnum() else "such"
        raise UsageError(f"no source handles {shown} addresses; use {known}")
    if "\0" in unquote(request.source):
        raise UsageError(f"this {scheme} address makes no sense: it has a NUL (%00)")
    module, name = SCHEMES[scheme].split(":")
    kind: type[Source] = getattr(import_module(f"ethelred_runner.obtain.{module}"), name)
    try:
        return kind(request)
    except ValueError:
        advice = "check its port, and write / ? # [ in a password as %2F %3F %23 %5B"
        raise UsageError(f"this {scheme} address makes no sense: {advice}") from None
