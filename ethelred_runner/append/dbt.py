"""Build and test the models in a datastore's work file."""

import json
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ethelred_runner.datastore import reasons
from ethelred_runner.errors import BuildFailed, DatastoreError
from ethelred_runner.folders import keep
from ethelred_runner.programs import run_program
from ethelred_runner.settings import LOGS, PROJECT, setting

CHILD = Path(__file__).with_name("dbt_child.py")
PARSED = "partial_parse.msgpack"
RESULT = "dbt-result.json"
LOG = "dbt.log"
# Relative paths are the same in every run. If they changed, dbt would parse everything again.
VARIABLES = {
    "ETHELRED_DBT_DATABASE": "ethelred.duckdb",
    "ETHELRED_DBT_COPIES": "copies.duckdb",
    "ETHELRED_SEEDS": "seeds",
    "ETHELRED_ACCEPT_DOUBTS": "",
}
SHOWN_FAILURES = 4
SHOWN_LETTERS = 600  # of each failure; dbt names a broken contract's columns after 290
# Unit tests don't depend on the data, so they run with the project's own tests.
OPTIONS = (
    "build --exclude-resource-type unit_test --no-version-check --no-use-colors --no-write-json"
    " --log-level-file none"
)


@dataclass(frozen=True)
class BuildOptions:
    """Whether a build appends copies in grave doubt, and recomputes all except the history."""

    accept_doubts: bool = False
    recount: bool = False


def build_models(folder: Path, options: BuildOptions = BuildOptions()) -> None:
    """Build and test all models in the folder's ethelred.duckdb, from its copies.duckdb.

    Raises BuildFailed, which names what failed and the log; DatastoreError if the disk is full.
    """
    places = {"log-path": folder, "target-path": folder / "target"}
    places |= {"project-dir": PROJECT, "profiles-dir": PROJECT}
    parsed = take_parsed(folder / "target")
    command: list[str | Path] = [sys.executable, "-P", CHILD, RESULT, *OPTIONS.split()]
    for option, place in places.items():
        command += [f"--{option}", place]
    command += ["--full-refresh"] * options.recount
    succeeded, printed = run_program(
        command,
        folder=folder,
        doing="building and testing the models",
        log=LOG,
        variables=VARIABLES
        | {
            "ETHELRED_SEEDS": setting("ETHELRED_SEEDS", "seeds"),
            "ETHELRED_ACCEPT_DOUBTS": "true" if options.accept_doubts else "",
        },
    )
    if parsed.is_file():
        keep(parsed, PROJECT / "target" / "build")
    if not succeeded:
        raise build_error(folder, printed)


def take_parsed(target: Path) -> Path:
    """Copy the last build's parse cache to where dbt reads it, to save seconds; return its path."""
    target.mkdir(exist_ok=True)
    with suppress(OSError):
        shutil.copyfile(PROJECT / "target" / "build" / PARSED, target / PARSED)
    return target / PARSED


def build_error(folder: Path, printed: list[str]) -> BuildFailed | DatastoreError:
    """Return the error with a summary of what failed, and the place of the full log."""
    result = folder / RESULT
    failures = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else []
    failures = failures or printed[-SHOWN_FAILURES:]
    if re.search(reasons.LIMITS, " ".join(failures)):
        return reasons.explain(folder.parent, OSError(" ".join(failures)))
    lines = [f"  {shorten(failure)}" for failure in failures[:SHOWN_FAILURES]]
    if len(failures) > SHOWN_FAILURES:
        lines.append(f"  and {len(failures) - SHOWN_FAILURES} more")
    return BuildFailed("\n".join(["dbt failed:", *lines, f"The full log is {LOGS / LOG}"]))


def shorten(failure: str) -> str:
    """Return a failure as one short line."""
    return " ".join(failure.split())[:SHOWN_LETTERS]
