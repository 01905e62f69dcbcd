"""A copy of a platform's database, as `obtain` hands it to `build`."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from ethelred_runner.platforms import Platform


@dataclass(frozen=True)
class Copy:
    """One obtained, decompressed and verified copy.

    Timestamps are in UTC and aware. `modified_at` is the source's own modification time,
    `named_on` the date in the name of the (resolved) source file, `stated_taken_at` what
    `--taken-at` said: the dbt model `int_copies` decides from these when the copy was taken.
    """

    platform: Platform
    path: Path
    name: str
    content_sha256: str
    modified_at: datetime | None
    named_on: date | None
    stated_taken_at: datetime | None
    obtained_at: datetime


def write_manifest(copies: Iterable[Copy], path: Path) -> Path:
    """Write the list of a run's copies for the dbt plugin, and return its path."""
    rows = [asdict(copy) | {"copy_number": number} for number, copy in enumerate(copies, 1)]
    path.write_text(json.dumps(rows, default=str, indent=1), encoding="utf-8")
    return path
