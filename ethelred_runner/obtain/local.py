"""A copy on this machine: a path, or `file://` and a path."""

import errno
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

from ethelred_runner.errors import CopyRejected, SourceError, UsageError
from ethelred_runner.obtain.addresses import last_part
from ethelred_runner.obtain.requests import Limits, Request
from ethelred_runner.obtain.source import CHUNK, Found, Reading, Source, SourceChanged
from ethelred_runner.obtain.unpack import SQLITE, check_fits

COMPANIONS = ("-wal", "-journal")  # what SQLite needs to read a database's newest state
SHARED_MEMORY = "-shm"  # is there while a program has a database with a -wal open
REASONS = {
    errno.ENOENT: "there is no such file",
    errno.EACCES: "you may not read this file; check its permissions and its folders'",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.ELOOP: "its symbolic links go round in a circle",
}


class LocalSource(Source):
    """A file on this machine; symbolic links are followed."""

    def __init__(self, request: Request, limits: Limits) -> None:
        super().__init__(request, limits)
        self._address, self._limits = _path_of(request.source), limits

    @contextmanager
    def open(self, offset: int, version: str | None) -> Iterator[Reading]:
        """Open the file; raises SourceError if there is none that can be read."""
        del offset, version  # it is opened once, from the start: `_chunks` compares it with itself
        path = self._files()[0]
        with _explained():
            file = path.open("rb", buffering=0)
        with file:
            found = _found(path, [])
            yield Reading(found, 0, _chunks(file, path, found))

    def has_journal(self) -> bool:
        """Tell whether it is a database whose newest state needs what lies beside it."""
        path, companions = self._files()
        if not companions:
            return False
        with _explained(), path.open("rb") as file:
            return file.read(len(SQLITE)) == SQLITE

    def snapshot(self, target: Path) -> Found:
        """Write a database's state as SQLite would show it to a new file; leave the source as is.

        Raises SourceChanged if it was written to meanwhile, CopyRejected if SQLite can't read it.
        """
        path, companions = self._files()
        found = _found(path, companions)
        check_fits(found.size or 0, target.parent, self._limits)
        try:
            if Path(f"{path}{SHARED_MEMORY}").exists():  # the only exact way while others write
                _back_up(path, target, self.stall_seconds)
            else:  # here that would leave a -shm behind, or roll back in the source itself
                _copy_and_recover(path, companions, target)
                _check_unchanged(path, companions, found)
        except sqlite3.Error as error:
            raise CopyRejected(f"SQLite can't read it with what lies beside it ({error})") from None
        return found

    def _files(self) -> tuple[Path, list[Path]]:
        """Return the resolved path, and those of the files that belong to it."""
        with _explained():
            mode = self._address.stat().st_mode
            path = self._address.resolve()
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise SourceError(f"this is {kind}; name the file of one copy")
        beside = [Path(f"{path}{end}") for end in COMPANIONS]
        return path, [each for each in beside if each.is_file() and each.stat().st_size]


def _path_of(address: str) -> Path:
    if not address.lower().startswith("file://"):
        return Path(address).expanduser()
    parts = urlsplit(address)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{address}: write file:///absolute/path, with three slashes")
    return Path(unquote(parts.path))


def _found(path: Path, companions: list[Path]) -> Found:
    """Return what is known of a file: as new as the newest of those that belong to it."""
    states = [each.stat() for each in (path, *companions)]
    seconds = max(state.st_mtime_ns for state in states) // 1000 / 1e6
    version = str([(state.st_ino, state.st_size, state.st_mtime_ns) for state in states])
    name = last_part(quote(path.name))
    return Found(name, states[0].st_size, datetime.fromtimestamp(seconds, UTC), version)


def _chunks(file: BinaryIO, path: Path, found: Found) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
    _check_unchanged(path, [], found)


def _check_unchanged(path: Path, companions: list[Path], found: Found) -> None:
    if not path.exists() or _found(path, companions).version != found.version:
        raise SourceChanged("the file was written to while it was read")


def _back_up(path: Path, target: Path, seconds: float) -> None:
    source = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=seconds)
    with closing(source), closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _copy_and_recover(path: Path, companions: list[Path], target: Path) -> None:
    for file in (path, *companions):
        shutil.copyfile(file, f"{target}{file.name.removeprefix(path.name)}")
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("pragma writable_schema = on")  # reads past what this SQLite doesn't know
        copy.execute("select count(*) from sqlite_schema").fetchone()  # rolls a journal back
        copy.execute("pragma wal_checkpoint(truncate)").fetchone()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = REASONS.get(error.errno or 0) or f"it can't be opened: {error.strerror}"
        raise SourceError(reason) from None
