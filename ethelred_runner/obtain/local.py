"""A copy on this machine: a path, or `file://` and a path."""

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

from ethelred_runner.errors import CopyRejected, SourceError, UsageError
from ethelred_runner.obtain.requests import Limits, Request
from ethelred_runner.obtain.source import (
    CHUNK,
    Found,
    Reading,
    SourceChanged,
    last_part,
    redacted,
    utc,
)
from ethelred_runner.obtain.unpack import SQLITE, check_room

# What SQLite may keep beside a database, and needs in order to read its newest state.
COMPANIONS = ("-wal", "-journal")
SHARED_MEMORY = "-shm"  # is there while a program has a database with a -wal open


class LocalSource:
    """A file on this machine; symbolic links are followed."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self.label = redacted(request.source)
        self._path = _path_of(request.source)
        self._seconds = limits.stall_seconds

    @contextmanager
    def open(self, offset: int, version: str | None) -> Iterator[Reading]:
        """Open the file; raises SourceError if there is none that can be read."""
        del version  # a local file is opened once: `_chunks` compares it with itself
        path = self._resolved()
        try:
            found, file = _found(path, []), path.open("rb", buffering=0)
        except OSError as error:
            raise SourceError(f"{self.label}: {_reason(error)}") from None
        with file:
            file.seek(offset)
            yield Reading(found, offset, self._chunks(file, path, found))

    def has_journal(self) -> bool:
        """Tell whether it is a database whose newest state needs what lies beside it."""
        path = self._resolved()
        if not _companions(path):
            return False
        with self.open(0, None) as reading:
            return next(reading.chunks, b"").startswith(SQLITE)

    def snapshot(self, target: Path) -> Found:
        """Write a database's state to a new file, as SQLite would show it; the source stays as is.

        Raises SourceError if it can't be read, SourceChanged if it was written to meanwhile,
        CopyRejected if SQLite can't make sense of it.
        """
        path = self._resolved()
        companions = _companions(path)
        found = _found(path, companions)
        check_room(sum(each.stat().st_size for each in (path, *companions)), target.parent)
        try:
            if _beside(path, SHARED_MEMORY).exists():  # the only exact way while others write
                self._back_up(path, target)
            else:  # here a backup would leave a -shm behind, or roll back in the source itself
                self._copy_and_recover(path, companions, target)
                self._check_unchanged(path, companions, found)
        except sqlite3.Error as error:
            raise CopyRejected(f"SQLite can't read it with what lies beside it ({error})") from None
        return found

    def _back_up(self, path: Path, target: Path) -> None:
        source = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, timeout=self._seconds
        )
        with closing(source), closing(sqlite3.connect(target)) as copy:
            source.backup(copy)

    def _copy_and_recover(self, path: Path, companions: list[Path], target: Path) -> None:
        shutil.copyfile(path, target)
        for companion in companions:
            shutil.copyfile(companion, f"{target}{companion.name.removeprefix(path.name)}")
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            copy.execute("pragma writable_schema = on")  # reads past what this SQLite doesn't know
            copy.execute("select count(*) from sqlite_schema").fetchone()  # rolls a journal back
            copy.execute("pragma wal_checkpoint(truncate)").fetchone()

    def _resolved(self) -> Path:
        try:
            path = self._path.resolve(strict=True)
            mode = path.stat().st_mode
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before 3.13
            raise SourceError(f"{self.label}: {_reason(error)}") from None
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise SourceError(f"{self.label}: this is {kind}; name the file of one copy")
        return path

    def _chunks(self, file: BinaryIO, path: Path, found: Found) -> Iterator[bytes]:
        try:
            while chunk := file.read(CHUNK):
                yield chunk
        except OSError as error:
            raise SourceError(f"{self.label}: reading failed: {error.strerror}") from None
        self._check_unchanged(path, [], found)

    def _check_unchanged(self, path: Path, companions: list[Path], found: Found) -> None:
        try:
            version = _found(path, companions).version
        except OSError:
            version = "gone"
        if version != found.version:
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


def _companions(path: Path) -> list[Path]:
    beside = [_beside(path, end) for end in COMPANIONS]
    return [each for each in beside if each.is_file() and each.stat().st_size]


def _found(path: Path, companions: list[Path]) -> Found:
    """Return what is known of a file: as new as the newest of those that belong to it."""
    states = [each.stat() for each in (path, *companions)]
    modified_at = utc(max(state.st_mtime_ns for state in states) // 1000 / 1e6)
    version = str([(state.st_ino, state.st_size, state.st_mtime_ns) for state in states])
    return Found(last_part(quote(path.name)), states[0].st_size, modified_at, version)


def _reason(error: Exception) -> str:
    known = {
        FileNotFoundError: "there is no such file",
        PermissionError: "you may not read this file; check its permissions and its folders'",
        NotADirectoryError: "a part of this path is a file, not a folder",
        RuntimeError: "its symbolic links go round in a circle",
    }
    return known.get(type(error), f"it can't be opened: {getattr(error, 'strerror', error)}")
