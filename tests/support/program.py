"""Run the program as a user does."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "tests" / "samples"
PROGRAM = Path(sys.executable).with_name("ethelred")

Ethelred = Callable[..., subprocess.CompletedProcess[str]]
OTHERS = ("ETHELRED_", "AWS_", "DBT_")  # this shell's own settings


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder with their contents."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def run_ethelred(
    *arguments: str | Path, code: int = 0, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the program without this shell's settings, and expect an exit code."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(OTHERS)}
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        env=inherited | settings,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == code, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done
