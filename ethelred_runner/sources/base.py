"""What a source is. A further scheme is one file with a class that fits `Source`."""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from ethelred_runner.errors import SourceError

AUTHORIZATION = "ETHELRED_HTTP_AUTHORIZATION"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
CHUNK = 2**20  # bytes: large enough that handing one over costs nothing beside reading it


@dataclass(frozen=True)
class Authorization:
    """What a platform's server asks for, if anything, and the setting that it comes from."""

    setting: str = AUTHORIZATION
    value: str = ""


def authorization_for(platform: str, default_platform: str) -> Authorization:
    """Return the header for the sources of a platform: its own, or, for the default one, the plain.

    A platform's server has no business with the secret of another's.
    """
    own = f"{AUTHORIZATION}_{platform.upper().replace('-', '_')}"
    plain = platform == default_platform and not os.environ.get(own)
    setting = AUTHORIZATION if plain else own
    return Authorization(setting, os.environ.get(setting, "").strip())


@dataclass(frozen=True)
class Found:
    """What a source says of a copy before its first byte is read.

    `name` is the last part of the resolved name, `size` the bytes as stored, `modified_at` UTC
    and aware. `version` changes when the content does; without one, reading can't be resumed.
    `companions` are local files that belong to the copy (`-wal`, `-journal`).
    """

    name: str
    size: int | None
    modified_at: datetime | None
    version: str | None
    companions: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Reading:
    """An open copy: its bytes from `starts_at` on, which may be 0 where more was asked for."""

    found: Found
    starts_at: int
    chunks: AsyncIterator[bytes]


class Source(Protocol):
    """Where one copy lies."""

    @property
    def label(self) -> str:
        """The address as it may be shown: without user, password or query."""

    def open(self, offset: int, version: str | None) -> AbstractAsyncContextManager[Reading]:
        """Open the copy to read it from a byte on, provided that it still has this version.

        Raises Interrupted if trying again may help, SourceChanged if the copy is another one by
        now, else SourceError.
        """


class Interrupted(SourceError):
    """The source can't be read now; trying again may help."""


class SourceChanged(SourceError):
    """The copy is not the one that was begun, so its parts must not be joined."""


def is_private(scheme: str, host: str | None) -> bool:
    """Tell whether nobody on the way can read along: by TLS, or because there is no way."""
    return scheme == "https" or host in LOOPBACK


def redacted(address: str) -> str:
    """Return an address without what may be secret: user, password, query and fragment."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def last_part(path: str) -> str:
    """Return the decoded last part of a URL's path as a name that is safe to print and use."""
    name = PurePosixPath(unquote(path).replace("\\", "/")).name
    printable = "".join(letter for letter in name if letter.isprintable()).lstrip(".")
    return printable[:200] or "copy"


def utc(seconds: float) -> datetime:
    """Return the aware UTC time of a Unix time."""
    return datetime.fromtimestamp(seconds, UTC)
