"""Starting dbt and Node: with only the variables that they need, and ended with the run."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.settings import LOGS

# Neither secrets nor settings of other tools: a package of somebody else reads them all.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "TZ", "USER", "LOGNAME")


def run_program(
    command: Sequence[str | Path],
    *,
    folder: Path,
    doing: str,
    log: str,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run a program in a folder, with all that it prints in `logs/LOG`; return its exit code.

    It inherits the locks that are held now, so that no other run begins while it is at work,
    even if this one is killed.
    """
    LOGS.mkdir(exist_ok=True)
    with console.working(doing), (LOGS / log).open("w", encoding="utf-8") as output:
        program = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=environment(variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            close_fds=False,
            start_new_session=True,
        )
        try:
            return program.wait()
        finally:
            end(program)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what a started program finds in its environment."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | dict(variables)


def end(program: subprocess.Popen[bytes]) -> None:
    """End a program, and all that it has started, if it still runs."""
    if program.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def read_log(log: str) -> list[str]:
    """Return the lines of what a program printed."""
    return (LOGS / log).read_text(encoding="utf-8", errors="replace").splitlines()
