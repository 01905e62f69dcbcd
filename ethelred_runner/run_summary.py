"""What a run came to, as a small JSON file for whatever tells people of it."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ethelred_runner import console
from ethelred_runner.errors import UsageError, exit_code_of, line_of
from ethelred_runner.obtain import Request
from ethelred_runner.sources.base import redacted
from ethelred_runner.summary import Summary, hour_of

LATELY = timedelta(days=28)  # before the newest copy: how far back gaps are told


@dataclass(frozen=True)
class PlatformFigures:
    """One platform after a run; times are in UTC, to the hour.

    `gaps` are those of the last four weeks.
    """

    platform: str
    newest_copy_taken_at: str
    age_hours: float
    is_stale: bool
    logins: int
    copies_read: int
    new_logins: int
    rejected_values: int
    gaps: list[dict[str, Any]]


@dataclass
class RunSummary:
    """What a run came to; docs/deployment.md describes the fields.

    `outcome` is `done`, `up to date` (nothing had to be done), `dry run` or `failed`.
    """

    started_at: str
    dry_run: bool = False
    outcome: str = "done"
    exit_code: int = 0
    error: str | None = None
    finished_at: str = ""
    logins: int = 0
    platforms: list[PlatformFigures] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@contextmanager
def summarised(
    path: Path | None, sources: Sequence[str] = (), *, dry_run: bool = False
) -> Iterator[RunSummary]:
    """Yield the summary of a run, and write it when the run has ended, however it ends.

    One of an earlier run is removed first. The addresses of `sources` don't appear in it.

    Raises UsageError if nothing can be written there.
    """
    prepare(path)
    told, warned_before = RunSummary(now(), dry_run), len(console.warned)
    try:
        yield told
    except BaseException as error:
        told.outcome, told.error = "failed", line_of(error)
        told.exit_code = exit_code_of(error)
        raise
    finally:
        told.finished_at, told.warnings = now(), console.warned[warned_before:]
        if path:
            write(told, path, [*sources, *configured_sources()])


def prepare(path: Path | None) -> None:
    """Remove an earlier summary. Raises UsageError if none can be written there."""
    try:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", encoding="utf-8")
            path.unlink()
    except OSError as error:
        raise UsageError(f"--summary {path} can't be written: {error.strerror}") from None


def write(told: RunSummary, path: Path, sources: Sequence[str]) -> None:
    """Write the summary as one line of JSON."""
    told.error = told.error and concealed(told.error, sources)
    told.warnings = [concealed(text, sources) for text in told.warnings]
    path.write_text(json.dumps(asdict(told)) + "\n", encoding="utf-8")


def now() -> str:
    """Return the current time as the summary writes it."""
    return utc(datetime.now(UTC))


def utc(moment: datetime) -> str:
    """Write a moment (UTC) in ISO 8601."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def figures(
    status: dict[str, Any],
    requests: Sequence[Request] = (),
    summary: Summary | None = None,
    max_age_hours: float | None = None,
) -> list[PlatformFigures]:
    """Return each platform's figures, from the datastore's status and what a run brought."""
    read = Counter(request.platform.platform for request in requests)
    new, rejected = Counter[str](), Counter[str]()
    for copy in summary.copies if summary else ():
        new[copy.platform] += copy.new_logins
        rejected[copy.platform] += copy.rejected_logins
    return [
        PlatformFigures(
            platform=name,
            newest_copy_taken_at=utc(hour_of(platform["newest_copy_taken_at"])),
            age_hours=hours_since(hour_of(platform["newest_copy_taken_at"])),
            is_stale=platform["newest_copy_age_hours"] > (max_age_hours or float("inf")),
            logins=platform["logins"] or 0,
            copies_read=read[name],
            new_logins=new[name],
            rejected_values=rejected[name],
            gaps=recent_gaps(platform),
        )
        for platform in status["platforms"]
        for name in [platform["platform"]]
    ]


def hours_since(moment: datetime) -> float:
    """Return how many hours ago a moment (UTC, naive) was."""
    return round((datetime.now(UTC) - moment.replace(tzinfo=UTC)) / timedelta(hours=1), 1)


def recent_gaps(platform: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the gaps between copies that ended lately, with the nights that were missed."""
    since = platform["newest_copy_taken_at"] - LATELY
    return [
        {
            "from": utc(hour_of(gap["from_at"])),
            "to": utc(hour_of(gap["to_at"])),
            "hours": (hour_of(gap["to_at"]) - hour_of(gap["from_at"])) / timedelta(hours=1),
            "nights_missed": len(gap["nights"]),
        }
        for gap in platform["gaps"]
        if gap["to_at"] > since
    ]


def concealed(text: str, sources: Sequence[str]) -> str:
    """Return a text without the sources' addresses: the summary travels further than the log."""
    for source in sources:
        for address in filter(None, (source, source.partition("=")[2])):
            text = text.replace(redacted(address), "the source")
            host = urlsplit(address).hostname if "://" in address else None
            if host:
                text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-]|\.\w)", "its host", text)
    return text


def configured_sources() -> list[str]:
    """Return the addresses of sources in the environment."""
    return [value for name, value in os.environ.items() if name.startswith("ETHELRED_SOURCE_")]
