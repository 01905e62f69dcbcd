"""Keeping obtained copies in a folder that a person names (`ethelred obtain --to`)."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from ethelred_runner.errors import UsageError
from ethelred_runner.folders import private_folder, sha256_of
from ethelred_runner.obtain.fetch import DEFAULT_LIMITS, Copy, obtain
from ethelred_runner.obtain.requests import Limits, Request

SUFFIXES = (".zst", ".zstd", ".gz")


def obtain_to(
    requests: Sequence[Request], directory: Path, limits: Limits = DEFAULT_LIMITS
) -> list[Path]:
    """Obtain copies, put each into a folder under its own name, mode 0600; return the paths.

    A file's modification time becomes the copy's `stated_taken_at`, else its `modified_at`.
    Each appears whole or not at all. The same content under the same name is left as it is.

    Raises UsageError if another copy has that name, or the folder can't be written to, and what
    `obtain` raises.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with private_folder(inside=directory) as folder:
            return [_keep(copy, directory) for copy in obtain(requests, folder, limits)]
    except OSError as error:
        raise UsageError(f"{directory}: the copies can't be put there: {error.strerror}") from None


def _keep(copy: Copy, directory: Path) -> Path:
    name = Path(copy.name)
    target = directory / (name.stem if name.suffix.lower() in SUFFIXES else name)
    if moment := copy.stated_taken_at or copy.modified_at:
        nanoseconds = int(moment.timestamp()) * 10**9 + moment.microsecond * 1000
        os.utime(copy.path, ns=(nanoseconds, nanoseconds))
    try:
        os.link(copy.path, target)  # unlike a rename, it never replaces what is there
    except FileExistsError:
        if sha256_of(target) != copy.content_sha256:
            problem = "is there already, and is another copy; move it away first"
            raise UsageError(f"{target} {problem}") from None
    shutil.rmtree(copy.path.parent)
    return target
