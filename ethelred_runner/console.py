"""Output: results go to standard output, progress and warnings to standard error."""

import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

COMMANDING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control and format characters, line separators
SECONDS_BETWEEN_LINES = 10.0  # of progress in a log


class TolerantConsole(Console):
    """A console that goes on if a write fails, and whose text can't control a terminal or a log.

    A write fails if the disk is full or the reader is gone. All later output is then discarded, so
    that the flush at the program's end succeeds.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print tables unchanged, and texts as `without_commands` returns them."""
        texts = [without_commands(one) if isinstance(one, str) else one for one in objects]
        super().print(*texts, **options)

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Discard all later output."""
        with suppress(OSError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), self.file.fileno())


def without_commands(text: str) -> str:
    """Return a text that can neither control a terminal nor be a workflow command of GitHub.

    Names and messages come from servers and copies, so they may try both. GitHub's commands begin
    with `::` at the start of a line, or with `##[` anywhere.
    """
    kept = "".join(
        one for one in text if one == "\n" or unicodedata.category(one) not in COMMANDING
    )
    return re.sub(r"(?m)^(\s*:)(?=:)|(#)(?=#\[)", r"\1\2 ", kept)


def open_console(descriptor: int) -> TolerantConsole:
    """Return a console with colours only on a terminal, even if variables force them."""
    return TolerantConsole(
        stderr=descriptor == 2,
        force_terminal=os.isatty(descriptor),
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


results, notices = open_console(1), open_console(2)
warned: list[str] = []  # for the summary of a run

Advance = Callable[[int], None]


def say(text: str) -> None:
    """Print a result on standard output."""
    results.print(text)


def note(text: str) -> None:
    """Print a step of the work on standard error."""
    notices.print(text)


def warn(text: str) -> None:
    """Print a warning on standard error, and note it for the summary."""
    warned.append(text)
    notices.print(f"warning: {text}", style="yellow")


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show a spinner on a terminal during a step, and print its duration at the end."""
    started = time.monotonic()
    with notices.status(what):
        yield
    note(f"{what}: {time.monotonic() - started:.0f} s")


@contextmanager
def progress(name: str, size: int | None) -> Iterator[Advance]:
    """Show the progress of a download: a bar on a terminal, or lines in a log.

    Call the yielded function with the number of new bytes.
    """
    if not notices.is_terminal:
        yield _Lines(name, size).advance
        return
    *columns, remaining = Progress.get_default_columns()
    columns += [DownloadColumn(), TransferSpeedColumn(), remaining]
    with Progress(*columns, console=notices, transient=True) as bar:
        task = bar.add_task(escape(without_commands(name)), total=size)
        yield lambda count: bar.advance(task, count)


class _Lines:
    def __init__(self, name: str, size: int | None) -> None:
        self._name, self._size = name, size
        self._done = 0
        self._said_at = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._said_at < SECONDS_BETWEEN_LINES:
            return
        self._said_at = time.monotonic()
        share = f" of {decimal(self._size)} ({self._done / self._size:.0%})" if self._size else ""
        note(f"{self._name}: {decimal(self._done)}{share}")
