"""Running dbt, as a program of its own: it leaves no lock and no connection behind."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.errors import BuildFailed
from ethelred_runner.project import LOGS, PROJECT

# Unit tests are about the models, not about the data: they run with the project's own tests.
COMMAND = [
    *(str(Path(sys.executable).with_name("dbt")), "--quiet", "build"),
    *(
        "--exclude-resource-type",
        "unit_test",
        "--no-version-check",
        "--no-use-colors",
        "--no-write-json",
    ),
    *("--log-level-file", "info", "--log-path", str(LOGS)),
    *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
]
PARSED = "target/partial_parse.msgpack"
SHOWN_LINES = 6
TIME = re.compile(r"^\d\d:\d\d:\d\d  ")
PROGRESS = re.compile(r"\d+ of \d+ ")


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
        raise BuildFailed(explain(done.stdout))
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


def explain(said: str) -> str:
    """Say what failed, shortly, from what dbt printed, and where the whole of it is."""
    lines = [TIME.sub("", line).strip() for line in said.splitlines()]
    told = [line for line in lines if line and not PROGRESS.match(line)]
    shown = "\n".join(f"  {line[:200]}" for line in told[:SHOWN_LINES])
    more = "\n  …" if len(told) > SHOWN_LINES else ""
    return f"dbt failed:\n{shown}{more}\nThe full log is {LOGS / 'dbt.log'}"
