"""What the runner says, and where: results on standard output, the rest on standard error."""

from rich.console import Console

results = Console(soft_wrap=True, highlight=False, markup=False)
notices = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def say(text: str) -> None:
    """Print a result on standard output."""
    results.print(text)


def note(text: str) -> None:
    """Print a step of the work on standard error."""
    notices.print(text)


def warn(text: str) -> None:
    """Print a warning on standard error; the work goes on."""
    notices.print(f"warning: {text}", style="yellow")
