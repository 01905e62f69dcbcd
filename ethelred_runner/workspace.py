"""The folder in which copies lie while they are needed: private, and gone afterwards."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ethelred_runner.errors import UsageError
from ethelred_runner.project import DATA

PREFIX = "ethelred-run-"
KEPT = "ethelred-kept-"


def work_root() -> Path:
    """Return the folder that private folders are made in: ETHELRED_WORK, else `data/work`."""
    return Path(os.environ.get("ETHELRED_WORK") or DATA / "work").expanduser()


@contextmanager
def private_folder(keep: bool = False, *, inside: Path | None = None) -> Iterator[Path]:
    """Make a folder of mode 0700 inside `inside` (`work_root()` by default), removed at the end.

    A lock on the folder itself tells a live run's from one that a killed run has left; those are
    removed first. With `keep` it stays, under a name that no later run removes.

    Raises UsageError if nothing can be written there.
    """
    root = inside or work_root()
    folder, lock = _made(root, KEPT if keep else PREFIX)
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _made(root: Path, prefix: str) -> tuple[Path, int]:
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(root):  # so that no other run takes a folder away before it is locked
            _remove_left_behind(root)
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
            return folder, _lock(folder, fcntl.LOCK_EX)
    except OSError as error:
        raise UsageError(
            f"no folder for copies can be made in {root}: {error.strerror}; "
            "set ETHELRED_WORK to a folder you can write to"
        ) from None


def _remove_left_behind(root: Path) -> None:
    for folder in root.glob(f"{PREFIX}*"):
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            continue
        try:
            lock = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # another run is at work in it
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, waiting for it; it ends with the process, however that ends."""
    lock = _lock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


def _lock(folder: Path, how: int) -> int:
    """Lock a folder until the descriptor is closed or the process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
