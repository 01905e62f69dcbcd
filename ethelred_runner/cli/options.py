"""The options that commands share. Most are environment variables too."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ethelred_runner.settings import DEFAULT_DATASTORE, DEFAULT_SITE

DATASTORE = str(DEFAULT_DATASTORE)
SITE = DEFAULT_SITE


def option(name: str, meaning: str, **more: Any) -> Any:
    """Return an option with this name and its environment variable."""
    variable = f"ETHELRED_{name.upper().replace('-', '_')}"
    return typer.Option(f"--{name}", envvar=variable, help=meaning, **more)


# The limit excludes inf and nan.
HOURS: dict[str, Any] = {"min": 0, "max": 1_000_000, "metavar": "HOURS"}
SOURCES = (
    "A path, or a file://, https://, sftp:// or s3:// address. PLATFORM= in front names another "
    "platform. If no SOURCE is given, ETHELRED_SOURCE_<PLATFORM> of each platform in use is read."
)
PLATFORM = (
    "The platform of each SOURCE or COPY without PLATFORM=, by default opencodelists. If no "
    "SOURCE is given, only this platform's ETHELRED_SOURCE_<PLATFORM> is read."
)
PUBLISHED_UNDER = "The path under which the site is published, such as /ethelred."
WARN_AFTER = "Warn if a platform's newest copy is older than this many hours."
FAIL_AFTER = "End with exit code 5 if a platform's newest copy is older than this many hours."

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...", envvar="ETHELRED_SOURCES", help=SOURCES, show_default=False
    ),
]
Copies = Annotated[
    list[str] | None, typer.Argument(metavar="[COPY]...", help="Local copies.", show_default=False)
]
CopyId = Annotated[
    str,
    typer.Argument(help="The copy's identifier, or the start of it: ethelred copies lists them."),
]
Platform = Annotated[str, option("platform", PLATFORM)]
Datastore = Annotated[
    str, option("datastore", "The history: a DuckDB file, or s3://bucket/prefix.")
]
Init = Annotated[bool, option("init", "Create the datastore if it is missing: for the first run.")]
Site = Annotated[Path, option("site", "The folder of the built site.")]
CheckedSite = Annotated[
    str, option("site", "The folder of the built site, or the address of the published one.")
]
BasePath = Annotated[str, option("base-path", PUBLISHED_UNDER)]
NoReport = Annotated[bool, option("no-report", "Build no site.")]
TakenAt = Annotated[
    str | None, option("taken-at", "When the copy was taken, in ISO 8601 (UTC by default).")
]
AsJson = Annotated[bool, option("json", "Print JSON.")]
WarnAfter = Annotated[float | None, option("warn-after", WARN_AFTER, **HOURS)]
FailAfter = Annotated[float | None, option("fail-after", FAIL_AFTER, **HOURS)]
SkipIfFresh = Annotated[
    float | None,
    option("skip-if-fresh", "Obtain nothing if each platform's newest copy is younger.", **HOURS),
]
DryRun = Annotated[bool, option("dry-run", "Work only on a private copy of the datastore.")]
Summary = Annotated[
    Path | None, option("summary", "The file for the run's outcome as JSON, also after an error.")
]
AcceptDoubts = Annotated[
    bool, option("accept-doubts", "Also append copies that are in grave doubt.")
]
Recount = Annotated[bool, option("recount", "Compute all tables except the history again.")]
To = Annotated[Path, option("to", "The folder to put the copies in.")]
Port = Annotated[int, option("port", "The port; 0 takes any free one.", min=0, max=65535)]
# These have no variables, because settings for the real history must not affect the demo.
DemoDatastore = Annotated[str, typer.Option("--datastore", help="Another datastore.")]
DemoSite = Annotated[Path, typer.Option("--site", help="Another folder for the site.")]
DemoBasePath = Annotated[str, typer.Option("--base-path", help=PUBLISHED_UNDER)]
DemoNoReport = Annotated[bool, typer.Option("--no-report", help="Build no site.")]
Debug = Annotated[bool, option("debug", "Show the traceback of an error.")]
