"""DuckDB's own shell on a datastore, for whoever has a question."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from ethelred_runner.errors import UsageError

SHELL = Path(sys.executable).with_name("duckdb")


def open_shell(path: Path) -> None:
    """Run DuckDB's shell on a datastore, read only, until it is left.

    If its input is no terminal, ends the program with exit code 1 if a query failed. Raises
    UsageError if the shell isn't installed.
    """
    if not SHELL.exists():
        raise UsageError("DuckDB's shell is not installed: run make setup-dev")
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the shell: it ends a query
    done = subprocess.run([SHELL, "-readonly", path], check=False)
    if not os.isatty(0):  # a person has seen the error, and may have corrected the SQL
        sys.exit(min(1, abs(done.returncode)))
