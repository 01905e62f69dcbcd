"""The options that commands share; each is an environment variable too."""

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
    "A path, file://, https://, sftp:// or s3:// address; PLATFORM= may stand in front. "
    "Without one: what ETHELRED_SOURCE_<PLATFORM> says, for every platform."
)
PLATFORM = (
    "Whose database the copies are of: opencodelists unless said. Without a SOURCE: only this "
    "platform's configured one."
)
WARN_AFTER = "Warn if a platform's newest copy is older than so many hours."
FAIL_AFTER = "End with exit code 5 if a platform's newest copy is older than so many hours."

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
Init = Annotated[bool, option("init", "Allow a datastore to be created: the first run.")]
Site = Annotated[Path, option("site", "The folder of the built site.")]
CheckedSite = Annotated[
    str, option("site", "The folder of the built site, or the address of the published one.")
]
BasePath = Annotated[str, option("base-path", "The path of the published site, such as /ethelred.")]
NoReport = Annotated[bool, option("no-report", "Build no site.")]
TakenAt = Annotated[
    str | None, option("taken-at", "When the copy was taken, in ISO 8601; UTC unless it says so.")
]
AsJson = Annotated[bool, option("json", "Print one JSON object.")]
WarnAfter = Annotated[float | None, option("warn-after", WARN_AFTER, **HOURS)]
FailAfter = Annotated[float | None, option("fail-after", FAIL_AFTER, **HOURS)]
SkipIfFresh = Annotated[
    float | None,
    option("skip-if-fresh", "A retry: obtain nothing if all newest copies are younger.", **HOURS),
]
DryRun = Annotated[bool, option("dry-run", "Only try, on a private copy of the datastore.")]
Summary = Annotated[
    Path | None, option("summary", "Write what the run came to as JSON, on failure too.")
]
AcceptDoubts = Annotated[
    bool, option("accept-doubts", "Append copies that are in grave doubt all the same.")
]
Recount = Annotated[
    bool, option("recount", "Compute everything that follows from the history anew.")
]
To = Annotated[Path, option("to", "The folder to put the copies in.")]
Port = Annotated[int, option("port", "0: any that is free.", min=0, max=65535)]
# No variables: settings for the real history must not affect the demo.
DemoDatastore = Annotated[str, typer.Option("--datastore", help="The demo's own history.")]
DemoSite = Annotated[Path, typer.Option("--site", help="The demo's own site.")]
DemoBasePath = Annotated[str, typer.Option("--base-path", help="The path of the published site.")]
DemoNoReport = Annotated[bool, typer.Option("--no-report", help="Build no site.")]
Debug = Annotated[bool, option("debug", "Show the traceback of an error.")]
