"""A copy on this machine: a path, or `file://` and a path."""

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.sources.base import (
    CHUNK,
    Found,
    Reading,
    SourceChanged,
    last_part,
    redacted,
    utc,
)

# What SQLite may keep beside a database, and needs in order to read its newest state.
COMPANIONS = ("-wal", "-journal")


class LocalSource:
    """A file on this machine; symbolic links are followed."""

    def __init__(self, address: str) -> None:
        self.label = redacted(address)
        self._path = _path_of(address)

    @asynccontextmanager
    async def open(self, offset: int, version: str | None) -> AsyncIterator[Reading]:
        """Open the file; raises SourceError if there is none that can be read."""
        del version  # a local file is opened once: `_read` compares it with itself
        try:
            path = self._path.resolve(strict=True)
            found = self._found(path, path.stat())
            file = path.open("rb", buffering=0)
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before 3.13
            raise SourceError(f"{self.label}: {_reason(error)}") from None
        with file:
            file.seek(offset)
            yield Reading(found, offset, self._read(file, path, found))

    def _found(self, path: Path, status: os.stat_result) -> Found:
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise SourceError(f"{self.label}: this is {kind}; name the file of one copy")
        companions = tuple(found for end in COMPANIONS if _size(found := _beside(path, end)))
        return Found(
            last_part(path.name.replace("%", "%25")),
            status.st_size,
            utc(status.st_mtime_ns // 1000 / 1e6),
            _version(path, companions),
            companions,
        )

    async def _read(self, file: IO[bytes], path: Path, found: Found) -> AsyncIterator[bytes]:
        try:
            while chunk := file.read(CHUNK):
                yield chunk
        except OSError as error:
            raise SourceError(f"{self.label}: reading failed: {error.strerror}") from None
        if _version(path, found.companions) != found.version:
            raise SourceChanged(f"{self.label}: the file was written to while it was read")


def _path_of(address: str) -> Path:
    if not address.lower().startswith("file://"):
        return Path(address).expanduser()
    parts = urlsplit(address)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{redacted(address)}: write file:///absolute/path, with three slashes")
    return Path(unquote(parts.path))


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _version(path: Path, companions: tuple[Path, ...]) -> str:
    """Return what changes when the file, or one that belongs to it, is written or replaced."""
    try:
        states = [each.stat() for each in (path, *companions)]
    except OSError:
        return "gone"
    return str([(state.st_ino, state.st_size, state.st_mtime_ns) for state in states])


def _reason(error: Exception) -> str:
    known = {
        FileNotFoundError: "there is no such file",
        PermissionError: "you may not read this file; check its permissions and its folders'",
        NotADirectoryError: "a part of this path is a file, not a folder",
        RuntimeError: "its symbolic links go round in a circle",
    }
    return known.get(type(error), f"it can't be opened: {getattr(error, 'strerror', error)}")
