"""Run dbt in a process of its own, and write what failed as JSON.

`python -P dbt_child.py RESULT ARGUMENT…`: RESULT is the file to write. This module imports
nothing of the runner, so that it starts as fast as dbt does.
"""

import gc
import json
import re
import sys
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner

FAILED = ("error", "fail", "runtime error", "partial success")


def describe(run: Any) -> str:
    """Return what failed and why."""
    lines = getattr(run.node, "raw_code", "").splitlines()
    return f"{run.node.resource_type} {run.node.name}: {with_own_lines(str(run.message), lines)}"


def with_own_lines(message: str, lines: list[str]) -> str:
    """Replace the numbers of compiled lines in DuckDB's message by those of the model's lines."""
    numbers = {line.strip(): number for number, line in enumerate(lines, start=1)}

    def renumber(found: re.Match[str]) -> str:
        return f"LINE {numbers.get(found[2].strip(), found[1])}: {found[2]}"

    return re.sub(r"LINE (\d+): *(.*)", renumber, message)


if __name__ == "__main__":
    gc.freeze()  # garbage collection of dbt's imports took a tenth of the time
    outcome = dbtRunner().invoke(sys.argv[2:])
    runs = getattr(outcome.result, "results", [])
    failures = [describe(run) for run in runs if str(run.status) in FAILED]
    failures += [str(outcome.exception)] if outcome.exception else []
    Path(sys.argv[1]).write_text(json.dumps(failures), encoding="utf-8")
    sys.exit(0 if outcome.success else 1)
