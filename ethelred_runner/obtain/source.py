"""The base class of sources. Each kind is a subclass, named with its scheme in `SCHEMES`."""

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
LATEST_TIME = 2**32  # seconds since 1970 (2106): a later modification time is ignored
# Scheme, host, port and path may be shown; user, password, query and fragment may be secret.
ADDRESS = re.compile(
    r"(\w+://)(?:[^/?#]*@)?(\[[^]/?#@]*\]|[^]/?#@:[]*)(:\d*)?(/[^?#@]*)?(?:[?#][^@]*)?"
)

# Imported on demand: the libraries take up to 0.3 s to load.
SCHEMES = {
    "file": "local:LocalSource",
    "https": "web:WebSource",
    "http": "web:WebSource",
    "sftp": "sftp:SftpSource",
    "s3": "s3:S3Source",
}


@dataclass(frozen=True)
class SourceFile:
    """An open copy: its metadata, and its bytes from `offset` on.

    `path` is resolved, `size` counts the stored bytes, and `modified` is in seconds since 1970.
    `validators` change with the content; a download without any can't resume. A server without
    ranges answers from 0, whatever `offset` was requested.
    """

    path: str
    size: int | None
    modified: float | None
    validators: tuple[str, ...]
    offset: int = 0
    chunks: Iterable[bytes] = ()

    @property
    def modified_at(self) -> datetime | None:
        """The modification time in UTC; None if it is unknown, 0 or implausible."""
        seconds = self.modified or 0
        return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < LATEST_TIME else None

    @property
    def name(self) -> str:
        """The last part of the path, safe to print and to use for a file."""
        name = PurePosixPath(self.path.replace("\\", "/")).name
        return "".join(filter(str.isprintable, name)).lstrip(".")[:200] or "copy"


class Source(ABC):
    """The place of one copy. Its errors don't name it: the caller puts `label` in front of them.

    A connection is dead if nothing arrives for `stall_seconds`. It counts as broken if it is slower
    than `MIN_BYTES_PER_SECOND` on average after `slow_seconds`. A broken download is tried again up
    to `retries` times without progress: after `backoff_seconds`, then each time twice as late.
    """

    stall_seconds = 15.0
    slow_seconds = 60.0
    retries = 4
    backoff_seconds = 1.0

    def __init__(self, request: CopyRequest) -> None:
        self.request, self.label = request, label_of(request.source)

    @abstractmethod
    def open(self, offset: int, validators: tuple[str, ...]) -> AbstractContextManager[SourceFile]:
        """Open the copy to read it from byte `offset` on, if it still has these validators.

        No wait is longer than `stall_seconds`. Raises RetryableError if a retry may help,
        SourceChanged if the copy has changed, and SourceError or OSError otherwise.
        """


class RetryableError(SourceError):
    """The source can't be read now; a retry may help, after `wait_seconds` at the earliest."""

    wait_seconds = 0.0


class SourceChanged(RetryableError):
    """The copy has changed since the download started, so the download must start again."""


def label_of(address: str) -> str:
    """Return an address without the parts that may be secret."""
    shown = address
    if "://" in address and not address.lower().startswith("file://"):
        parts = ADDRESS.fullmatch(address)
        shown = "".join(filter(None, parts.groups())) if parts else "an unclear address"
    elif re.search("[@?#]", address) and not os.path.lexists(address):  # perhaps a mistyped address
        shown = "a path or mistyped address that is not there"
    return "".join(filter(str.isprintable, shown))


def find_source(request: CopyRequest) -> Source:
    """Return the source at a path or URL; nothing is contacted yet.

    Raises UsageError if no source handles the scheme, or if the address is invalid.
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
