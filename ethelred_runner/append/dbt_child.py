"""Run dbt in a process of its own, which ends with its locks, and write what failed as JSON.

`python -P dbt_child.py RESULT ARGUMENT…`: RESULT is the file to write. It imports nothing of the
runner, so that it starts as fast as dbt does.
"""

import json
import sys
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner

FAILED = ("error", "fail", "runtime error", "partial success")


def main() -> None:
    """Run dbt, and exit with 1 if anything failed."""
    result, *arguments = sys.argv[1:]
    outcome = dbtRunner().invoke(arguments)
    failures = [describe(run) for run in getattr(outcome.result, "results", [])]
    found = [failure for failure in failures if failure]
    if outcome.exception:
        found.append(str(outcome.exception))
    Path(result).write_text(json.dumps(found), encoding="utf-8")
    sys.exit(0 if outcome.success else 1)


def describe(run: Any) -> str:
    """Return what failed and why, in one line; nothing for what went well."""
    if str(run.status) not in FAILED:
        return ""
    return f"{run.node.resource_type} {run.node.name}: {run.message}"


if __name__ == "__main__":
    main()
