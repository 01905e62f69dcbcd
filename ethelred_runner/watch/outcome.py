"""What a run came to: one result, with the lines for people and the JSON as views of it."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ethelred_runner import console
from ethelred_runner.append.result import Appended
from ethelred_runner.datastore import CopyStatus, Gap, PlatformStatus, Status
from ethelred_runner.errors import UsageError, exit_code_of, line_of
from ethelred_runner.watch.wording import counted, hour_of, written

LATELY = timedelta(days=28)  # before the newest copy: how far back gaps are told
PREFIX = re.compile(r"[\w-]+=")  # PLATFORM= in front of an address
URL = r"\b(?:sftp|https?|file)://\S*[\w/]"
HOST = re.compile(r"\w+://(?:[^/]*@)?([\w.-]+)")


def utc_now() -> datetime:
    """Return the current time in UTC, naive as the datastore's are."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass
class Outcome:
    """What a run came to, filled in as far as it gets.

    `kind` is `done`, `up to date` (nothing had to be done), `dry run` or `failed`; `status` is the
    datastore's after the run.
    """

    dry_run: bool = False
    warn_after_hours: float | None = None
    kind: str = "done"
    exit_code: int = 0
    error: str | None = None
    is_site_built: bool = False
    started_at: datetime = field(default_factory=utc_now)
    finished_at: datetime = field(default_factory=utc_now)
    appended: Appended | None = None
    status: Status | None = None
    warnings: Sequence[str] = ()

    @property
    def platforms(self) -> Sequence[PlatformStatus]:
        """The platforms that the datastore has."""
        return self.status.platforms if self.status else ()

    @property
    def copies(self) -> Sequence[CopyStatus]:
        """The copies that the run appended."""
        return self.appended.copies if self.appended else ()

    @property
    def logins(self) -> int:
        """The number of logins in the datastore."""
        return sum(platform.logins for platform in self.platforms)

    def copies_read(self, platform: str) -> int:
        """Return how many copies of a platform the run has read."""
        return self.appended.copies_given[platform] if self.appended else 0

    def is_stale(self, platform: PlatformStatus) -> bool:
        """Tell whether a platform's newest copy is older than it may be."""
        limit = self.warn_after_hours
        return limit is not None and platform.newest_copy_age_hours > limit


@contextmanager
def recorded(outcome: Outcome, path: Path | None, sources: Sequence[str]) -> Iterator[None]:
    """Write a run's summary when it has ended, however it ends, without the sources' addresses.

    Raises UsageError if nothing can be written there.
    """
    write(path, "")  # so that an earlier run's is never taken for this one's
    warned_before = len(console.warned)
    try:
        yield
    except BaseException as error:
        outcome.kind, outcome.error = "failed", line_of(error)
        outcome.exit_code = exit_code_of(error)
        raise
    finally:
        outcome.finished_at = utc_now()
        outcome.warnings = console.warned[warned_before:]
        write(path, json.dumps(summary_of(outcome, sources)) + "\n")


def write(path: Path | None, text: str) -> None:
    """Write the summary's file, if there is to be one; a link stays a link. Raises UsageError."""
    try:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--summary {path} can't be written: {error.strerror}") from None


def summary_of(outcome: Outcome, sources: Sequence[str]) -> dict[str, Any]:
    """Return what a program is told; docs/deployment.md describes the fields."""
    return {
        "started_at": iso(outcome.started_at),
        "dry_run": outcome.dry_run,
        "outcome": outcome.kind,
        "exit_code": outcome.exit_code,
        "error": conceal(outcome.error, sources) if outcome.error else None,
        "finished_at": iso(outcome.finished_at),
        "logins": outcome.logins,
        "site_built": outcome.is_site_built,
        "platforms": [figures(outcome, platform) for platform in outcome.platforms],
        "warnings": [conceal(warning, sources) for warning in outcome.warnings],
    }


def figures(outcome: Outcome, platform: PlatformStatus) -> dict[str, Any]:
    """Return a platform's figures for the summary."""
    taken_at = hour_of(platform.copies[-1].taken_at)
    copies = [copy for copy in outcome.copies if copy.platform == platform.platform]
    gaps = [
        gap for gap in platform.gaps if gap.gap_ended_at > platform.copies[-1].taken_at - LATELY
    ]
    return {
        "platform": platform.platform,
        "newest_copy_taken_at": iso(taken_at),
        "newest_copy_age_hours": round((outcome.finished_at - taken_at) / timedelta(hours=1), 1),
        "is_stale": outcome.is_stale(platform),
        "logins": platform.logins,
        "copies_read": outcome.copies_read(platform.platform),
        "new_logins": sum(copy.new_logins for copy in copies),
        "rejected_logins": sum(copy.rejected_logins for copy in copies),
        "gaps": [describe_gap(gap) for gap in gaps],
    }


def describe_gap(gap: Gap) -> dict[str, Any]:
    """Return a gap between copies for the summary."""
    return {
        "gap_started_at": iso(hour_of(gap.gap_started_at)),
        "gap_ended_at": iso(hour_of(gap.gap_ended_at)),
        "gap_hours": round(gap.gap_hours, 1),
        "nights_missed": len(gap.nights),
    }


def iso(moment: datetime) -> str:
    """Write a moment (UTC) in ISO 8601."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def result_lines(outcome: Outcome) -> list[str]:
    """Return what was done, in a line each."""
    copies, lines = outcome.copies, []
    if outcome.appended and outcome.appended.copies_known:
        known = counted(outcome.appended.copies_known, "copy", "copies")
        lines.append(f"{known} had been read before")
    if outcome.appended and outcome.appended.backfilled:
        older = outcome.appended.backfilled
        are = counted(older, "copy is", "copies are")
        lines.append(f"{are} older than the newest one known (backfill)")
    new_logins = counted(sum(copy.new_logins for copy in copies), "new login")
    brought = f"appended {new_logins} from {counted(len(copies), 'new copy', 'new copies')}"
    held = f"the datastore holds {counted(outcome.logins, 'login')}"
    return [*lines, f"{brought if copies else 'nothing new to append'}; {held}"]


def warning_lines(outcome: Outcome) -> list[str]:
    """Return what somebody should look at, in a line each."""
    lines = [line for copy in outcome.copies for line in copy_warnings(copy)]
    return lines + [
        f"the newest copy of {platform.platform} was taken "
        f"{written(platform.copies[-1].taken_at)}, more than "
        f"{outcome.warn_after_hours:g} hours ago: is its backup job at work?"
        for platform in outcome.platforms
        if outcome.is_stale(platform) and outcome.copies_read(platform.platform)
    ]


def copy_warnings(copy: CopyStatus) -> list[str]:
    """Return what somebody should look at in a copy."""
    name = f"the copy of {copy.platform} taken {written(copy.taken_at)}"
    lines = []
    if copy.taken_at_source == "newest_login":
        lines.append(
            f"{name}: its modification time is missing or disagrees with its name, so its "
            "newest login stands in for it; --taken-at can say better"
        )
    if copy.rejected_logins:
        lines.append(
            f"{name}: {counted(copy.rejected_logins, 'value')} could not be taken for a login; "
            "the table rejected_logins lists their shapes"
        )
    return lines


def conceal(text: str, sources: Sequence[str]) -> str:
    """Return a text without the sources' addresses: the summary travels further than the log.

    Each web and SFTP address goes, whosesoever it is, and of the sources also paths, addresses
    in a bucket, and hosts that are named alone.
    """
    hidden = [URL]
    for source in sources:
        address = PREFIX.sub("", source, count=1)
        host = HOST.match(address)
        if host:
            hidden.append(rf"(?<![\w.-]){re.escape(host[1])}(?![\w-]|\.\w)")
        if "/" in address:  # a bare name tells nothing of where, and may be an ordinary word
            hidden.append(re.escape(address))
    return re.sub("|".join(hidden), "the source", text)
