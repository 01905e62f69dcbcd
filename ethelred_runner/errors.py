"""The errors for people, and the exit code of each, which docs/cli.md lists."""

from collections.abc import Sequence


class EthelredError(Exception):
    """An error that a person can act on: one or two lines, without a traceback.

    The message says what is wrong, with which file or setting, and what to do next. It never
    has personal data or a password in it.
    """

    exit_code = 1


class UsageError(EthelredError):
    """The command, an option or a setting is invalid."""

    exit_code = 2


class SourceError(EthelredError):
    """The source of a copy can't be reached, or can't be read to its end."""

    exit_code = 3


class CopyRejected(EthelredError):
    """A copy is damaged, in grave doubt, or not of the platform's database."""

    exit_code = 4


class DatastoreError(EthelredError):
    """The datastore can't be used, would lose history, or has only old copies (`status`)."""

    exit_code = 5


class BuildFailed(EthelredError):
    """A dbt model or a data test fails."""

    exit_code = 6


class ReportFailed(EthelredError):
    """The site can't be built, or the published one is wrong (`check`)."""

    exit_code = 7


def merged_error(errors: Sequence[EthelredError]) -> EthelredError:
    """Return one error with the messages of several and the highest of their exit codes."""
    worst = max(errors, key=lambda error: error.exit_code)
    return type(worst)("\n".join(str(error) for error in errors))


def line_of(error: BaseException) -> str:
    """Return the message for an error.

    An unexpected error's own text may have values of a copy, so only its kind is given.
    """
    if isinstance(error, EthelredError):
        return str(error)
    if stop_behind(error):
        return "the run was stopped"
    kind = ": ".join(filter(None, (type(error).__name__, getattr(error, "strerror", None))))
    return f"something unexpected happened ({kind}). Run it again with --debug to see where"


def exit_code_of(error: BaseException) -> int:
    """Return the program's exit code for an error."""
    stop = stop_behind(error)
    if isinstance(stop, KeyboardInterrupt):
        return 130
    if isinstance(stop, SystemExit) and isinstance(stop.code, int):
        return stop.code
    return getattr(error, "exit_code", EthelredError.exit_code)


def stop_behind(error: BaseException | None) -> BaseException | None:
    """Return the signal that caused an error, if any, even if DuckDB has wrapped it."""
    while error and not isinstance(error, SystemExit | KeyboardInterrupt):
        error = error.__cause__
    return error
