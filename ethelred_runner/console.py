"""What the runner says, and where: results on standard output, the rest on standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

results = Console(soft_wrap=True, highlight=False, markup=False)
notices = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
warned: list[str] = []  # all warnings so far, for the summary of a run


def say(text: str) -> None:
    """Print a result on standard output."""
    results.print(text)


def note(text: str) -> None:
    """Print a step of the work on standard error."""
    notices.print(text)


def warn(text: str) -> None:
    """Print a warning on standard error; the work goes on."""
    warned.append(text)
    notices.print(f"warning: {text}", style="yellow")


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that a step is under way: a spinner on a terminal, else a line with its duration."""
    started = time.monotonic()
    with notices.status(what):
        yield
    note(f"{what}: {time.monotonic() - started:.0f} s")
