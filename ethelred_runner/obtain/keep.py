"""Keeping obtained copies in a folder that a person names (`ethelred obtain --to`)."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from ethelred_runner.copies import Copy
from ethelred_runner.errors import UsageError
from ethelred_runner.limits import Limits
from ethelred_runner.obtain import Request, obtain
from ethelred_runner.workspace import private_folder

SUFFIXES = (".zst", ".zstd", ".gz")


def obtain_to(requests: Sequence[Request], directory: Path, max_bytes: int) -> list[Path]:
    """Obtain and verify copies, and keep them in a folder."""
    with private_folder(inside=directory) as folder:
        return keep_copies(obtain(requests, folder, Limits(max_bytes=max_bytes)), directory)


def keep_copies(copies: Iterable[Copy], directory: Path) -> list[Path]:
    """Move copies into a folder under their own names, mode 0600, and return the paths.

    A file's modification time becomes the copy's `stated_taken_at`, else its `modified_at`.
    Each appears whole or not at all. The same content under the same name is left as it is.

    Raises UsageError if another copy has that name, or the folder can't be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with private_folder(inside=directory) as staging:
            return [_keep(copy, directory, staging) for copy in copies]
    except OSError as error:
        raise UsageError(f"{directory}: the copies can't be put there: {error.strerror}") from None


def _keep(copy: Copy, directory: Path, staging: Path) -> Path:
    target, staged = directory / _plain_name(copy.name), staging / "copy.sqlite3"
    shutil.move(copy.path, staged)  # across disks this copies, so not straight to the target
    staged.chmod(0o600)
    if when := copy.stated_taken_at or copy.modified_at:
        _set_time(staged, when)
    try:
        os.link(staged, target)  # unlike a rename, it never replaces what is there
    except FileExistsError:
        if _sha256(target) != copy.content_sha256:
            raise UsageError(
                f"{target} is there already, and is another copy; move it away first"
            ) from None
    staged.unlink()
    return target


def _plain_name(name: str) -> str:
    stem, dot, end = name.rpartition(".")
    return stem if stem and dot + end.lower() in SUFFIXES else name


def _set_time(path: Path, when: datetime) -> None:
    nanoseconds = int(when.timestamp()) * 10**9 + when.microsecond * 1000
    os.utime(path, ns=(nanoseconds, nanoseconds))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
