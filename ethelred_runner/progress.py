"""How far a copy has come: a bar on a terminal, now and then a line elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ethelred_runner import console

QUIET_SECONDS = 10.0  # between two lines where there is no terminal

Advance = Callable[[int], None]


@contextmanager
def progress(name: str, size: int | None) -> Iterator[Advance]:
    """Show the way of a copy; the function given back is told of each further bytes."""
    show = _bar if console.notices.is_terminal else _lines
    with show(name, size) as advance:
        yield advance


@contextmanager
def _bar(name: str, size: int | None) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console.notices, transient=True) as bar:
        task = bar.add_task(name, total=size)
        yield lambda count: bar.advance(task, count)


@contextmanager
def _lines(name: str, size: int | None) -> Iterator[Advance]:
    done, told = 0, time.monotonic()

    def advance(count: int) -> None:
        nonlocal done, told
        done += count
        if time.monotonic() - told >= QUIET_SECONDS:
            told = time.monotonic()
            console.note(f"{name}: {decimal(done)}{_of(done, size)}")

    yield advance


def _of(done: int, size: int | None) -> str:
    return f" of {decimal(size)} ({done / size:.0%})" if size else ""
