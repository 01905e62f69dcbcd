"""Running dbt, as a program of its own: it leaves no lock and no connection behind."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.errors import BuildFailed
from ethelred_runner.project import LOGS, PROJECT

# Unit tests are about the models, not about the data: they run with the project's own tests.
COMMAND = [
    *(str(Path(sys.executable).with_name("dbt")), "--quiet", "build"),
    *("--exclude-resource-type", "unit_test", "--no-version-check", "--no-use-colors"),
    *("--log-level-file", "info", "--log-path", str(LOGS)),
    *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
]
PARSED = "target/partial_parse.msgpack"
SHOWN_FAILURES = 3


def run_dbt(database: Path, manifest: Path, lock: int) -> None:
    """Build and test all models for `database`, from the copies that the manifest lists.

    Raises BuildFailed, which names what failed and the full log.
    """
    folder = database.parent
    environment = os.environ | {
        # Relative, so that it is the same in every run: else dbt would parse everything again.
        "ETHELRED_DBT_DATABASE": database.name,
        "ETHELRED_COPIES": str(manifest),
    }
    fetch_parsed(folder)
    with console.working("building and testing the models"):
        done = subprocess.run(
            [*COMMAND, "--target-path", str(folder / "target")],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[lock],
            check=False,
        )
    if done.returncode:
        raise BuildFailed(explain(list(failures(folder)) or [" ".join(done.stdout.split())]))
    keep_parsed(folder)


def fetch_parsed(folder: Path) -> None:
    """Take over what the last run has parsed, if it is there; dbt sees what has changed."""
    (folder / "target").mkdir(exist_ok=True)
    if (PROJECT / PARSED).exists():
        shutil.copyfile(PROJECT / PARSED, folder / PARSED)


def keep_parsed(folder: Path) -> None:
    """Keep what was parsed for the next run, whole or not at all."""
    (PROJECT / "target").mkdir(exist_ok=True)
    aside = PROJECT / f"{PARSED}.{os.getpid()}"
    shutil.copyfile(folder / PARSED, aside)
    aside.replace(PROJECT / PARSED)


def failures(folder: Path) -> Iterator[str]:
    """Yield what failed, in a line each, from the results that dbt wrote."""
    results = folder / "target" / "run_results.json"
    if not results.exists():
        return
    for result in json.loads(results.read_text(encoding="utf-8"))["results"]:
        if result["status"] in ("error", "fail"):
            kind, _, name = result["unique_id"].split(".")[:3]
            yield f"{kind} {name}: {' '.join((result['message'] or '').split())}"


def explain(failed: list[str]) -> str:
    """Say what failed, shortly, and where the whole of it is."""
    shown = "\n".join(text[:300] for text in failed[:SHOWN_FAILURES])
    more = f"\n… and {len(failed) - SHOWN_FAILURES} more" if len(failed) > SHOWN_FAILURES else ""
    return f"dbt failed: {shown}{more}\nThe full log is {LOGS / 'dbt.log'}"
