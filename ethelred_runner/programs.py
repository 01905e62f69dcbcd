"""Start dbt and Node with only the variables that they need, and end them with the run."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.folders import keep
from ethelred_runner.settings import LOGS

# Third-party packages could read all others, such as secrets and other tools' settings.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "TZ", "USER", "LOGNAME")


def run_program(
    command: Sequence[str | Path],
    *,
    folder: Path,
    doing: str,
    log: str,
    variables: Mapping[str, str] | None = None,
) -> tuple[bool, list[str]]:
    """Run a program in a folder; return whether it succeeded, and the lines of its output.

    The output is kept in `logs/LOG`.
    """
    running = started(command, folder=folder, log=log, variables=variables)
    with console.working(doing), running as program:
        succeeded = program.wait() == 0
        lines = (folder / log).read_text(encoding="utf-8", errors="replace").splitlines()
    return succeeded, lines


@contextmanager
def started(
    command: Sequence[str | Path],
    *,
    folder: Path,
    log: str,
    variables: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program in a folder; on leaving, end it with all that it has started.

    The program inherits the locks that are held now. So even if this run is killed, no other run
    starts before the program has ended.
    """
    path = folder / log  # logs/ may be full or unwritable
    with path.open("w", encoding="utf-8") as output:
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
            yield program
        finally:
            if program.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)
                program.wait()
            keep(path, LOGS)


def needed_variables() -> dict[str, str]:
    """Return the environment variables that every program gets."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}
