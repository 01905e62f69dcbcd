#!/usr/bin/env python3
"""Write to `$GITHUB_OUTPUT` whether this morning's first run went well: then the retry rests.

A fresh copy in the datastore alone doesn't show it: the site may not have been built or published.
"""

import os
from pathlib import Path

from notify import github

HOURS = 8  # since a copy was taken: at the retry's time, one of this morning


def main() -> None:
    """Ask how the last scheduled run ended."""
    runs = github(
        "GET", "actions/workflows/pipeline.yml/runs?event=schedule&status=completed&per_page=1"
    )
    found = runs.get("workflow_runs", []) if isinstance(runs, dict) else []
    went_well = [run["conclusion"] for run in found] == ["success"]
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"skip_if_fresh={HOURS if went_well else ''}\n")


if __name__ == "__main__":
    main()
