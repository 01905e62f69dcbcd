"""`python -m tests.support.crashes` works on datastores and is killed at one step.

It reads lines of JSON, `[address, task, step, environment]`, and answers with the exit code.
A step is a change of the file system (flushing apart), or the beginning or the end of a call of
DuckDB or of the library for objects that may write.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import obstore

from ethelred_runner.datastore import open_datastore

from .datastores import append_login

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.chown")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
Crash = Callable[[str, str, int], bool]
TASKS: dict[str, Callable[[str], object]] = {
    "append": lambda address: append_login(address, 1),
    "init": lambda address: append_login(address, 1, init=True),
    "restore": lambda address: restore(address, 1),
}


class Steps:
    def __init__(self, last: int) -> None:
        self.left = last

    def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and arguments[2] & WRITING):
            self.count()

    def wrap(self, module: Any, name: str) -> None:
        function = getattr(module, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            self.count()
            result = function(*arguments, **options)
            self.count()
            return result

        setattr(module, name, counted)


def restore(address: str, number: int) -> None:
    with open_datastore(address) as datastore:
        datastore.restore(number)


def work(address: str, task: str, step: int) -> None:
    steps = Steps(step)
    for module, name in ((obstore, "put"), (obstore, "delete"), (duckdb, "connect")):
        steps.wrap(module, name)
    sys.addaudithook(steps.audit)
    TASKS[task](address)


def main() -> None:
    for line in sys.stdin:
        address, task, step, environment = json.loads(line)
        os.environ.update(environment)
        child = os.fork()  # safe, because only children start threads
        if not child:
            try:
                work(address, task, step)
                os._exit(0)
            except BaseException as error:
                sys.stderr.write(f"{error!r}\n")
                os._exit(1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201


@contextmanager
def crashing() -> Iterator[Crash]:
    """Yield a function that does a task, kills it at a step, and returns whether it was killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.crashes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        requests, answers = process.stdin, process.stdout

        def crash(address: str, task: str, step: int) -> bool:
            requests.write(json.dumps([address, task, step, dict(os.environ)]) + "\n")
            requests.flush()
            code = int(answers.readline())
            assert code in (0, -signal.SIGKILL)
            return code != 0

        yield crash
        requests.close()


if __name__ == "__main__":
    main()
