"""Running dbt, as a program of its own: it leaves no lock and no connection behind."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ethelred_runner import console
from ethelred_runner.errors import BuildFailed
from ethelred_runner.project import LOGS, PROJECT

# Unit tests are about the models, not about the data: they run with the project's own tests.
COMMAND = [
    *(sys.executable, "-m", "dbt.cli.main", "build", "--exclude-resource-type", "unit_test"),
    *("--log-format", "json", "--log-level", "info", "--log-level-file", "debug"),
    *("--no-version-check", "--no-use-colors-file", "--profiles-dir", str(PROJECT)),
    *("--project-dir", str(PROJECT), "--log-path", str(LOGS)),
]
SHOWN_FAILURES = 3


def run_dbt(database: Path, manifest: Path, lock: int) -> None:
    """Build and test all models for `database`, from the copies that the manifest lists.

    Raises BuildFailed, which names what failed and the full log.
    """
    target = database.with_name("target")
    environment = os.environ | {
        "ETHELRED_DBT_DATABASE": str(database),
        "ETHELRED_COPIES": str(manifest),
    }
    with subprocess.Popen(
        [*COMMAND, "--target-path", str(target)],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=[lock],
    ) as dbt:
        said = follow(dbt)
    if dbt.returncode:
        raise BuildFailed(explain(list(failures(target)) or said))


def follow(dbt: subprocess.Popen[str]) -> list[str]:
    """Show how far dbt has come, and return the errors that it logs."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console.notices,
        transient=True,
        disable=not console.notices.is_terminal,
    )
    errors = []
    with bar:
        task = bar.add_task("building", total=None)
        for line in dbt.stdout or ():
            event = read_event(line)
            total = event["data"].get("total")
            bar.update(task, total=total, completed=event["data"].get("index") if total else None)
            if event["info"].get("level") == "error":
                errors.append(str(event["info"].get("msg", "")).strip())
    return errors


def read_event(line: str) -> dict[str, Any]:
    """Return one event of dbt's log; what isn't an event of dbt's counts as an error."""
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return {"info": {"level": "error", "msg": line}, "data": {}}
    return {"info": event.get("info", {}), "data": event.get("data", {})}


def failures(target: Path) -> Iterator[str]:
    """Yield what failed, in a line each, from the results that dbt wrote."""
    results = target / "run_results.json"
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
