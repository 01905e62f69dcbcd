"""Building and testing the models in a datastore's work file."""

import json
import sys
from pathlib import Path

from ethelred_runner.errors import BuildFailed, DatastoreError
from ethelred_runner.programs import read_log, run_program
from ethelred_runner.settings import LOGS, PROJECT, setting

CHILD = Path(__file__).with_name("dbt_child.py")
RESULT = "dbt-result.json"
LOG = "dbt-output.log"
SHOWN_FAILURES = 4
SHOWN_LETTERS = 300  # of each failure
# Unit tests are about the models, not about the data: they run with the project's own tests.
OPTIONS = (
    "--quiet build --exclude-resource-type unit_test --no-version-check --no-use-colors"
    " --no-write-json --log-level-file info"
)


def build_models(folder: Path) -> None:
    """Build and test all models in the folder's ethelred.duckdb, from its copies.duckdb.

    Raises BuildFailed, which names what failed and the log; DatastoreError if the disk is full.
    """
    places = {"log-path": LOGS, "target-path": PROJECT / "target" / "build"}
    places |= {"project-dir": PROJECT, "profiles-dir": PROJECT}
    command: list[str | Path] = [sys.executable, "-P", CHILD, RESULT, *OPTIONS.split()]
    for option, place in places.items():
        command += [f"--{option}", place]
    code = run_program(
        command,
        folder=folder,
        doing="building and testing the models",
        log=LOG,
        # Relative, so that they are the same in every run: else dbt would parse everything again.
        variables={
            "ETHELRED_DBT_DATABASE": "ethelred.duckdb",
            "ETHELRED_DBT_COPIES": "copies.duckdb",
            "ETHELRED_SEEDS": setting("ETHELRED_SEEDS", "seeds"),
        },
    )
    if code:
        raise explain(folder)


def explain(folder: Path) -> BuildFailed | DatastoreError:
    """Return the error that says what failed, shortly, and where the whole of it is."""
    result = folder / RESULT
    failures = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else []
    failures = failures or read_log(LOG)[-SHOWN_FAILURES:]
    if any("No space left on device" in failure for failure in failures):
        return DatastoreError(
            f"the disk of {folder.parent} is full; the datastore is as it was. Make room and run "
            "again"
        )
    lines = [f"  {shorten(failure)}" for failure in failures[:SHOWN_FAILURES]]
    if len(failures) > SHOWN_FAILURES:
        lines.append(f"  and {len(failures) - SHOWN_FAILURES} more")
    return BuildFailed("\n".join(["dbt failed:", *lines, f"The full log is {LOGS / 'dbt.log'}"]))


def shorten(failure: str) -> str:
    """Return a failure as one line of bearable length."""
    return " ".join(failure.split())[:SHOWN_LETTERS]
