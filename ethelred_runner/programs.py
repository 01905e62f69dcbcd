"""Start dbt and Node with only the variables that they need, and end them with the run."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.folders import keep
from ethelred_runner.settings import LOGS

# Third-party packages could read secrets and other tools' settings.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "TZ", "USER", "LOGNAME")


def run_program(
    command: Sequence[str | Path],
    *,
    folder: Path,
    doing: str,
    log: str,
    variables: Mapping[str, str] | None = None,
) -> list[str] | None:
    """Run a program in a folder; return None, or the lines of its output if it failed.

    The output is kept in `logs/LOG`. The program inherits the locks that are held now, so that no
    other run starts before it has ended, even if this one is killed.
    """
    path = folder / log  # logs/ may be full or unwritable
    with console.working(doing), path.open("w", encoding="utf-8") as output:
        program = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=needed_variables() | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            close_fds=False,
            start_new_session=True,
        )
        try:
            failed = program.wait() != 0
        finally:
            if program.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)  # also the processes that it has started
                program.wait()
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            keep(path, LOGS)
    return lines if failed else None


def needed_variables() -> dict[str, str]:
    """Return the environment variables that every program gets."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}
