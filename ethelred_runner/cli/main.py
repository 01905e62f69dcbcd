"""The program: run a command, and end with an error line and an exit code if it fails."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import NoReturn

from ethelred_runner import console
from ethelred_runner.cli import datastore_commands
from ethelred_runner.errors import EthelredError, exit_code_of, line_of
from ethelred_runner.folders import clean_up
from ethelred_runner.settings import switch, tidy_settings, work_root

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_TO_STOP = 1.0


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command, and end with its exit code."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, stop)
    tidy_settings()
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given or switch("ETHELRED_DEBUG")
    if not debug:
        os.environ["RUST_BACKTRACE"] = "0"
    with suppress(EthelredError):
        clean_up(work_root())
    try:
        datastore_commands.app(given)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # a panic of a library written in Rust is no Exception
        if debug:
            console.notices.print("".join(traceback.format_exception(error)))
        console.notices.print(f"error: {line_of(error)}", style="red")
        sys.exit(exit_code_of(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        console.results.file.flush()  # see TolerantConsole
    sys.exit(0)


def stop(signal_number: int, frame: FrameType | None) -> NoReturn:
    """End the run in an orderly way, which removes copies and ends its programs."""
    for number in (*SIGNALS, signal.SIGALRM):
        signal.signal(number, partial(stop_again, signal_number))
    if signal_number == signal.SIGINT:  # whoever pressed Ctrl-C can press it again
        raise KeyboardInterrupt
    signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_STOP, SECONDS_TO_STOP)
    raise SystemExit(128 + signal_number)


def stop_again(signal_number: int, *_: object) -> None:
    """End a run that ignored a signal, because DuckDB discards exceptions during its imports."""
    if sys.exc_info()[1] is None:  # otherwise the run is already ending, and cleans up
        raise SystemExit(128 + signal_number)
