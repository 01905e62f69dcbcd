"""Keeping obtained copies in a folder that a person names (`ethelred obtain --to`)."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ethelred_runner.errors import UsageError
from ethelred_runner.folders import private_folder, sha256_of
from ethelred_runner.obtain.copy_requests import CopyRequest, RetryPolicy
from ethelred_runner.obtain.obtain import DEFAULT_RETRY_POLICY, Copy, obtain
from ethelred_runner.obtain.source import find_source


def obtain_to(
    requests: Sequence[CopyRequest], directory: Path, policy: RetryPolicy = DEFAULT_RETRY_POLICY
) -> list[Path]:
    """Obtain copies, put each into a folder under its own name, mode 0600; return the paths.

    A file's modification time becomes the copy's `taken_at_override`, else its `modified_at`.
    Each appears whole or not at all. The same content under the same name is left as it is.

    Raises UsageError if another copy has that name, or the folder can't be written to, and what
    `obtain` raises.
    """
    for request in requests:  # an address that makes no sense leaves no folder behind
        find_source(request, policy)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with private_folder(inside=directory) as folder:
            return [_keep(copy, directory) for copy in obtain(requests, folder, policy)]
    except OSError as error:
        raise UsageError(f"{directory}: the copies can't be put there: {error.strerror}") from None


def _keep(copy: Copy, directory: Path) -> Path:
    target = directory / re.sub(r"\.(zst|zstd|gz)$", "", copy.name, flags=re.IGNORECASE)
    if moment := copy.taken_at_override or copy.modified_at:
        nanoseconds = round(moment.timestamp() * 10**6) * 1000
        os.utime(copy.path, ns=(nanoseconds, nanoseconds))
    try:
        os.link(copy.path, target)  # unlike a rename, it never replaces what is there
    except FileExistsError:
        if sha256_of(target) != copy.content_sha256:
            raise UsageError(f"{target} is another copy; move it away first") from None
    copy.path.unlink()
    return target
