"""The outcome of a run, as lines for people and as the JSON summary."""

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
from ethelred_runner.datastore import Row
from ethelred_runner.errors import CopyRejected, UsageError, exit_code_of, line_of
from ethelred_runner.folders import make_folder, set_access
from ethelred_runner.watch.wording import format_hour, format_iso, pluralise

# The words for each `taken_at_source` in messages.
TIMES = {
    "mtime": "modification time",
    "newest_login": "newest login",
    "filename": "file's name",
    "obtained": "time of obtaining",
}
LATELY = timedelta(days=28)  # counted back from the newest copy; older gaps are left out
MAX_WARNINGS = 20  # a workflow's variable has room for 128 KB, an issue for 64 KB
ADDRESS = r"\b(?:sftp|https?|file)://\S*[\w/]"
HOST = re.compile(r"\w+://(?:[^/]*@)?([\w.-]+)")


def utc_now() -> datetime:
    """Return the current time in UTC, naive like the datastore's times."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass
class Outcome:
    """The outcome of a run, filled in as the run proceeds.

    `kind` is `done`, `up to date` (nothing had to be obtained), `dry run` or `failed`.
    """

    dry_run: bool = False
    warn_after_hours: float | None = None
    kind: str = "done"
    exit_code: int = 0
    error: str | None = None
    is_site_built: bool = False
    started_at: datetime = field(default_factory=utc_now)
    finished_at: datetime = field(default_factory=utc_now)
    appended: Appended = field(default_factory=Appended)
    warnings: Sequence[str] = ()

    @property
    def logins(self) -> int:
        """The number of logins in the datastore."""
        return sum(platform["logins"] for platform in self.appended.platforms)

    def is_stale(self, platform: Row) -> bool:
        """Return whether a platform's newest copy is too old."""
        limit = self.warn_after_hours
        return limit is not None and platform["newest_copy_age_hours"] > limit


@contextmanager
def recorded(outcome: Outcome, path: Path | None, sources: Sequence[str]) -> Iterator[None]:
    """Write a run's summary at its end, also after an error, without the sources' addresses.

    Raises UsageError if `path` can't be written to.
    """
    write_summary(path, "")  # an earlier run's summary must not remain
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
        write_summary(path, json.dumps(summary_of(outcome, sources), default=format_iso) + "\n")


def write_summary(path: Path | None, text: str) -> None:
    """Write the summary to a file, if a path is given. Raises UsageError."""
    try:
        if path:
            make_folder(path.parent)
            is_new = not path.exists()
            path.write_text(text, encoding="utf-8")
            if is_new:  # it may be root's, and the next run another user's
                set_access(path, path.stat().st_mode, like=path.parent)
    except OSError as error:
        raise UsageError(f"--summary {path} can't be written: {error.strerror}") from None


def summary_of(outcome: Outcome, sources: Sequence[str]) -> dict[str, Any]:
    """Return the JSON summary, whose fields docs/deployment.md describes."""
    error = conceal(outcome.error, sources) if outcome.error else None
    warnings = [conceal(warning, sources) for warning in outcome.warnings[:MAX_WARNINGS]]
    if len(outcome.warnings) > MAX_WARNINGS:
        rest = len(outcome.warnings) - MAX_WARNINGS
        warnings.append(f"and {rest:,} more, which are in the log")
    return {
        "started_at": outcome.started_at,
        "dry_run": outcome.dry_run,
        "outcome": outcome.kind,
        "exit_code": outcome.exit_code,
        "error": error,
        "trouble": [*([error] if error else []), *trouble_lines(outcome)],
        "finished_at": outcome.finished_at,
        "logins": outcome.logins,
        "site_built": outcome.is_site_built,
        "platforms": [
            platform_figures(outcome, platform) for platform in outcome.appended.platforms
        ],
        "warnings": warnings,
    }


def platform_figures(outcome: Outcome, platform: Row) -> Row:
    """Return a platform's status with this run's figures and the recent gaps."""
    name, lately = platform["platform"], platform["newest_copy_taken_at"] - LATELY
    copies = [copy for copy in outcome.appended.new_copies if copy["platform"] == name]
    return platform | {
        "is_stale": outcome.is_stale(platform),
        "copies_read": outcome.appended.copies_read[name],
        "new_logins": sum(copy["new_logins"] for copy in copies),
        "rejected_logins": sum(copy["rejected_logins"] for copy in copies),
        "gaps": [gap for gap in platform["gaps"] if gap["gap_ended_at"] > lately],
    }


def result_lines(outcome: Outcome) -> list[str]:
    """Return a line for each result."""
    copies, lines = outcome.appended.new_copies, []
    refused = {doubt["copy_number"] for doubt in outcome.appended.refused}
    known = outcome.appended.copies_read.total() - len(copies) - len(refused)
    if known:
        lines.append(f"{pluralise(known, 'copy', 'copies')} had been read before")
    if older := sum(copy["is_backfilled"] for copy in copies):
        are = pluralise(older, "copy is", "copies are")
        lines.append(f"{are} older than the newest one known (backfill)")
    new_logins = outcome.appended.new_logins
    origin = "copies read before, because a model has changed"
    if copies:
        origin = pluralise(len(copies), "new copy", "new copies")
    brought = f"appended {pluralise(new_logins, 'new login')} from {origin}"
    verb = "would hold" if outcome.dry_run else "holds"
    held = f"the datastore {verb} {pluralise(outcome.logins, 'login')}"
    return [*lines, f"{brought if copies or new_logins else 'nothing new to append'}; {held}"]


def warning_lines(outcome: Outcome) -> list[str]:
    """Return a line for each warning."""
    advice = "read it with" if outcome.dry_run else "retract the copy and read it again with"
    copies = outcome.appended.new_copies
    of_copies = [line for copy in copies for line in copy_warnings(copy, advice)]
    newest = {one["platform"]: one["newest_copy_taken_at"] for one in outcome.appended.platforms}
    doubts = [
        doubt_line(doubt)
        for doubt in outcome.appended.doubts
        # Doubts about the newest copy are among the trouble lines.
        if not doubt["is_refused"] and doubt["taken_at"] != newest[doubt["platform"]]
    ]
    return [*of_copies, *doubts, *trouble_lines(outcome)]


def doubt_line(doubt: Row) -> str:
    """Return the line for a doubt about a copy."""
    taken_at = format_hour(doubt["taken_at"])
    return f"the copy of {doubt['platform']} taken {taken_at} is doubtful: {doubt['finding']}"


def refusals(appended: Appended) -> list[CopyRejected]:
    """Return the errors for the copies that were left out, one for each grave doubt."""
    advice = "it was left out. If it is sound, add --accept-doubts; if not, mend its source"
    graves = [doubt for doubt in appended.refused if doubt["is_grave"]]
    return [CopyRejected(f"{doubt_line(doubt)}; {advice}") for doubt in graves]


def trouble_lines(outcome: Outcome) -> list[str]:
    """Return a line for each trouble of the platforms that were read."""
    asked = outcome.appended.copies_read
    return stale_lines(outcome) + [
        f"{platform['platform']}: {trouble}"
        for platform in outcome.appended.platforms
        for trouble in platform.get("trouble", [])
        if asked[platform["platform"]]
    ]


def stale_lines(outcome: Outcome) -> list[str]:
    """Return a line for each platform that was read and has only an old copy."""
    return [
        f"the newest copy of {platform['platform']} was taken "
        f"{format_hour(platform['newest_copy_taken_at'])}, "
        f"{platform['newest_copy_age_hours']:,.0f} hours ago: is its backup job at work?"
        for platform in outcome.appended.platforms
        if outcome.is_stale(platform) and outcome.appended.copies_read[platform["platform"]]
    ]


def copy_warnings(copy: Row, advice: str) -> list[str]:
    """Return a line for each warning about a copy, with advice for a wrong time."""
    name = f"the copy of {copy['platform']} was taken {format_hour(copy['taken_at'])}"
    lines = []
    source, other = copy["taken_at_source"], copy["contradicting_at"]
    if other or source not in ("mtime", "override"):
        why = "because its modification time is not known"
        if other:
            contradicting = TIMES["filename" if source == "mtime" else "mtime"]
            why = f"although its {contradicting} says {format_hour(other)}"
        advised = f"if that time is wrong, {advice} --taken-at"
        lines.append(f"{name} by its {TIMES[source]}, {why}; {advised}")
    if copy["rejected_logins"]:
        lines.append(
            f"{name}: {pluralise(copy['rejected_logins'], 'value')} could not be taken for a "
            "login; the table rejected_logins shows their format"
        )
    return lines


def conceal(text: str, sources: Sequence[str]) -> str:
    """Return a text without the sources' addresses, because a public issue may show the summary.

    Removes all web, SFTP and file addresses, and the paths, bucket addresses and host names of the
    sources.
    """
    hidden = [ADDRESS]
    for source in sources:
        hidden += [rf"(?<![\w.-]){re.escape(host)}(?![\w-]|\.\w)" for host in HOST.findall(source)]
        whole = (source, re.sub(r"^[\w-]+=", "", source))  # without PLATFORM=
        # A bare file name reveals no place. It may be an ordinary word of the text, too.
        hidden += [re.escape(address) for address in whole if "/" in address]
    return re.sub("|".join(hidden), "the source", text)
