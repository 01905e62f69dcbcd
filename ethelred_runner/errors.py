"""The errors that a person is meant to read, and the exit code of each.

The exit codes are part of the command line's contract: docs/cli.md lists them.
"""

from collections.abc import Sequence


class EthelredError(Exception):
    """Something a person can act on: one or two lines, no traceback.

    The message says what is wrong, with which file or setting, and what to do next. It never
    holds personal data, nor a URL with a password in it.
    """

    exit_code = 1


class UsageError(EthelredError):
    """The command was called in a way that it doesn't support."""

    exit_code = 2


class SourceError(EthelredError):
    """The source of a copy could not be reached, or read to its end."""

    exit_code = 3


class CopyRejected(EthelredError):
    """What arrived is damaged, or isn't a copy of the platform's database."""

    exit_code = 4


class DatastoreError(EthelredError):
    """The datastore is missing, locked, in another format, or would lose history."""

    exit_code = 5


class BuildFailed(EthelredError):
    """A dbt model or a data test failed."""

    exit_code = 6


class ReportFailed(EthelredError):
    """The site could not be built."""

    exit_code = 7


def worst_of(errors: Sequence[EthelredError]) -> EthelredError:
    """Return one error for several: it says what each says, with the highest exit code."""
    worst = max(errors, key=lambda error: error.exit_code)
    return type(worst)("\n".join(str(error) for error in errors))


def line_of(error: BaseException) -> str:
    """Return what a person is told of an error.

    Of an unexpected one only its kind: its message may hold values of a copy.
    """
    if isinstance(error, EthelredError):
        return str(error)
    if stop_behind(error):
        return "the run was stopped"
    return (
        f"something unexpected happened ({type(error).__name__}). "
        "Run it again with --debug to see where"
    )


def exit_code_of(error: BaseException) -> int:
    """Return the code that the program ends with for an error."""
    stop = stop_behind(error)
    if isinstance(stop, KeyboardInterrupt):
        return 130
    if isinstance(stop, SystemExit) and isinstance(stop.code, int):
        return stop.code
    return getattr(error, "exit_code", EthelredError.exit_code)


def stop_behind(error: BaseException | None) -> BaseException | None:
    """Return the signal behind an error, if any; DuckDB wraps what one raises while it works."""
    while error and not isinstance(error, SystemExit | KeyboardInterrupt):
        error = error.__cause__
    return error
