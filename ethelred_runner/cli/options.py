"""The options that commands share; each is an environment variable too."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from ethelred_runner.errors import UsageError
from ethelred_runner.limits import Limits
from ethelred_runner.project import DEFAULT_DATASTORE, DEFAULT_SITE

Platform = Annotated[
    str,
    typer.Option(
        "--platform", envvar="ETHELRED_PLATFORM", help="Whose database the copies are of."
    ),
]
Datastore = Annotated[
    str,
    typer.Option(
        "--datastore",
        envvar="ETHELRED_DATASTORE",
        help="The DuckDB file with the history, or s3://bucket/prefix.",
    ),
]
Init = Annotated[
    bool,
    typer.Option(
        "--init", envvar="ETHELRED_INIT", help="Allow a datastore to be created: the first run."
    ),
]
Site = Annotated[
    Path,
    typer.Option("--site", envvar="ETHELRED_SITE", help="The folder of the built site."),
]
BasePath = Annotated[
    str,
    typer.Option(
        "--base-path",
        envvar="ETHELRED_BASE_PATH",
        help="The path the site is published under, such as /ethelred; empty for a host's root.",
    ),
]
NoReport = Annotated[
    bool,
    typer.Option("--no-report", envvar="ETHELRED_NO_REPORT", help="Build no site."),
]
TakenAt = Annotated[
    str | None,
    typer.Option(
        "--taken-at",
        envvar="ETHELRED_TAKEN_AT",
        help="The moment the copy shows, in ISO 8601; UTC unless it says otherwise.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", envvar="ETHELRED_JSON", help="Print one JSON object.")
]
MaxAge = Annotated[
    float | None,
    typer.Option(
        "--max-age",
        envvar="ETHELRED_MAX_AGE",
        min=0,
        help="End with exit code 5 if a platform's newest copy is older than so many hours.",
    ),
]
OldAfter = Annotated[
    float | None,
    typer.Option(
        "--max-age",
        envvar="ETHELRED_MAX_AGE",
        min=0,
        help="Warn if a platform's newest copy is older than so many hours.",
    ),
]
MaxBytes = Annotated[
    int,
    typer.Option(
        "--max-bytes",
        envvar="ETHELRED_MAX_BYTES",
        min=1,
        help="The largest copy to accept, in bytes, stored or decompressed.",
    ),
]
Keep = Annotated[
    bool,
    typer.Option(
        "--keep", envvar="ETHELRED_KEEP", help="Leave the obtained copies where they are."
    ),
]
IfOlder = Annotated[
    float | None,
    typer.Option(
        "--if-older",
        envvar="ETHELRED_IF_OLDER",
        min=0,
        help="Do nothing unless a platform's newest copy is older than so many hours: a retry.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        envvar="ETHELRED_DRY_RUN",
        help="Obtain, append and test on a private copy of the datastore; publish nothing.",
    ),
]
Summary = Annotated[
    Path | None,
    typer.Option(
        "--summary",
        envvar="ETHELRED_SUMMARY",
        help="Write what the run came to as JSON into this file, on failure too.",
    ),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", envvar="ETHELRED_DEBUG", help="Show the traceback of an error."),
]

DATASTORE = str(DEFAULT_DATASTORE)
SITE = DEFAULT_SITE
PLATFORM = "opencodelists"
MAX_BYTES = Limits.max_bytes


def parse_taken_at(text: str | None, sources: int) -> datetime | None:
    """Return the moment of --taken-at, aware and in UTC.

    Raises UsageError if it isn't one, lies in the future, or there is more than one source.
    """
    if not text:
        return None
    if sources != 1:
        raise UsageError("--taken-at is about one copy: give exactly one source with it")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--taken-at {text} is no time: write it like 2026-03-22T05:00:00Z"
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment > datetime.now(UTC) + timedelta(minutes=5):
        raise UsageError(f"--taken-at {text} lies in the future")
    return moment
