"""Folders and files: private folders, locks, modes and owners, flushing to disk."""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.errors import UsageError
from ethelred_runner.settings import work_root

PREFIX = "ethelred-run-"
FEW_FILES = 16  # a run needs about this many inodes
# Errors of network shares that lack an operation, such as flushing a folder.
UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EBADF)


@contextmanager
def private_folder(*, inside: Path | None = None) -> Iterator[Path]:
    """Make a folder of mode 0700 inside `inside` (`work_root()` by default), removed at the end.

    A live run holds a lock on its folder. Folders that killed runs left behind are removed first.

    Raises UsageError if the folder can't be made.
    """
    root = inside or work_root()
    try:
        folder, lock = _made(root)
    except OSError as error:
        raise UsageError(
            f"no private folder can be made in {root}: {cause_of(error, root)}; mend that, or name "
            "another place (ETHELRED_WORK_DIR, --datastore, --site)"
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _made(root: Path) -> tuple[Path, int]:
    make_folder(root, 0o700)
    with locked(root):  # otherwise another run could remove the new folder
        _remove_left_behind(root)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        return folder, take_lock(folder)


def clean_up(root: Path) -> None:
    """Remove what killed runs have left in a folder, if that is possible."""
    with suppress(OSError), locked(root, wait_seconds=0):
        _remove_left_behind(root)


def _remove_left_behind(root: Path) -> None:
    for folder in root.glob(f"{PREFIX}????????"):  # as mkdtemp names them
        with suppress(OSError):  # in use by another run, or just removed
            # On a share without locks a live run might be using the folder, so it stays.
            lock = take_lock(folder, wait_seconds=0, is_required=True)
            if folder.lstat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


@contextmanager
def locked(path: Path, *, wait_seconds: float = float("inf")) -> Iterator[int]:
    """Hold a lock on a folder or file; programs that are started meanwhile inherit it.

    The lock ends with the last process that holds it. Raises BlockingIOError if another run holds
    it for longer than `wait_seconds`.
    """
    lock = take_lock(path, wait_seconds=wait_seconds)
    os.set_inheritable(lock, True)
    try:
        yield lock
    finally:
        os.close(lock)


def take_lock(path: Path, *, wait_seconds: float = float("inf"), is_required: bool = False) -> int:
    """Return a descriptor that holds a lock until it is closed. Raises BlockingIOError.

    If `is_required`, also raises OSError on a share without locks.
    """
    # On NFS, a file can only be locked if it is open for writing.
    mode = os.O_RDONLY if path.is_dir() else os.O_RDWR
    lock = os.open(path, mode | os.O_NOFOLLOW)
    give_up_at = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                os.close(lock)
                raise
            time.sleep(0.05)
        except OSError as error:
            if is_required or error.errno not in UNSUPPORTED:
                os.close(lock)
                raise
            return lock  # a network share may have no locks


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and its missing parents, each with the owner of its parent."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode, exist_ok=True)
        set_access(path, path.stat().st_mode, like=path.parent)


def keep(path: Path, folder: Path) -> None:
    """Move a log or cache into a folder; warn if that fails."""
    try:
        make_folder(folder)
        set_access(path, path.stat().st_mode, like=folder)
        shutil.move(path, folder / path.name)
    except OSError as error:
        console.warn(
            f"{folder / path.name} can't be written: {cause_of(error, folder)}; the run goes on"
        )


def cause_of(error: BaseException, place: Path) -> str:
    """Return the system's message for an error, or a better one if the disk has no free inodes."""
    words = getattr(error, "strerror", None) or str(error)
    if isinstance(error, shutil.Error):  # it lists each file that couldn't be copied
        words = str(error.args[0][0][2]).partition("] ")[2].partition(":")[0]
    with suppress(OSError):  # the place may not exist
        room = os.statvfs(place if place.is_dir() else place.parent)
        if "No space left" in words and room.f_files and room.f_favail < FEW_FILES:
            return "No more files: the disk has free space, but room for no further file (df -i)"
    return words


def sync(path: Path) -> None:
    """Flush a file or folder to disk, if the file system can."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)


def set_access(path: Path, mode: int, *, like: Path) -> None:
    """Give a file or folder a mode, and the owner and group of another, if possible.

    Only root may change owners, and some file systems have no owners or modes.
    """
    with suppress(OSError):
        os.chown(path, -1, like.stat().st_gid, follow_symlinks=False)
        os.chown(path, like.stat().st_uid, -1, follow_symlinks=False)
    with suppress(OSError):
        path.chmod(mode)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
