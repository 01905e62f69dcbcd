"""A copy on this machine: a path, or `file://` and a path."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from ethelred_runner.errors import CopyRejected, SourceError, UsageError
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.source import CHUNK, Source, SourceChanged, SourceFile
from ethelred_runner.obtain.sqlite import MAGIC
from ethelred_runner.obtain.unpack import check_fits

COMPANIONS = ("-wal", "-journal")  # SQLite needs them to read a database's newest state


class LocalSource(Source):
    """A file on this machine; symbolic links are followed."""

    def __init__(self, request: CopyRequest) -> None:
        super().__init__(request)
        self._address = Path(os.path.expanduser(request.source))  # noqa: PTH111 -- leaves ~nouser
        if request.source.lower().startswith("file://"):
            self._address = Path(unquote(request.source[len("file://") :]))
            if not self._address.is_absolute():
                raise UsageError(f"{self.label}: write file:///absolute/path, with three slashes")

    @contextmanager
    def open(self, offset: int, validators: tuple[str, ...]) -> Iterator[SourceFile]:
        """Open the file from its start; raises as `Source.open` says."""
        path = self.files()[0]
        with path.open("rb", buffering=0) as file:
            reading = _reading([path])
            yield replace(reading, chunks=_chunks(file, path, reading))

    def files(self) -> list[Path]:
        """Return the resolved path, and those of the files that hold a database's newest state."""
        if not stat.S_ISREG(self._address.stat().st_mode):
            raise SourceError("this is not a file; name the file of one copy")
        path = self._address.resolve()
        with path.open("rb") as file:
            beside = COMPANIONS if file.read(len(MAGIC)) == MAGIC else ()
        companions = [Path(f"{path}{end}") for end in beside]
        return [path, *(each for each in companions if each.is_file() and each.stat().st_size)]

    def snapshot(self, target: Path) -> SourceFile:
        """Write the state that SQLite would read to a new file, without changing the source.

        Raises SourceChanged if the source changes meanwhile, CopyRejected if SQLite can't read it.
        """
        files = self.files()
        reading = _reading(files)
        check_fits(reading.size or 0, target.parent)
        try:
            with closing(sqlite3.connect(target)) as copy:
                if Path(f"{files[0]}-shm").exists():  # in use: only a backup can read it then
                    uri = f"{files[0].as_uri()}?mode=ro"
                    with closing(sqlite3.connect(uri, timeout=self.stall_seconds, uri=True)) as db:
                        db.backup(copy)
                else:  # a backup would create a -shm file, or roll back the source itself
                    for file in files:
                        shutil.copyfile(file, f"{target}{file.name.removeprefix(files[0].name)}")
                    _check_unchanged(files, reading)
                    copy.execute("pragma writable_schema = on")  # see `sqlite.opened`
                    # SQLite rolls a journal back, and applies a -wal when the connection closes.
                    copy.execute("select count(*) from sqlite_schema").fetchone()
        except sqlite3.Error as error:
            raise CopyRejected(f"SQLite can't read it with the files beside it ({error})") from None
        return reading


def _reading(files: list[Path]) -> SourceFile:
    """Return a database's metadata, with the newest modification time of its files."""
    states = [path.stat() for path in files]
    seconds = max(state.st_mtime_ns for state in states) // 1000 / 1e6
    validators = (str([(state.st_ino, state.st_size, state.st_mtime_ns) for state in states]),)
    return SourceFile(files[0].name, states[0].st_size, seconds, validators)


def _chunks(file: BinaryIO, path: Path, reading: SourceFile) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
    _check_unchanged([path], reading)


def _check_unchanged(files: list[Path], reading: SourceFile) -> None:
    with suppress(FileNotFoundError):
        if _reading(files).validators == reading.validators:
            return
    raise SourceChanged("the file was written to while it was read")
