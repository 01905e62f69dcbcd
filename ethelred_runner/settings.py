"""What a run is told from outside: the environment's settings, and where things are by default."""

import os
from pathlib import Path

from ethelred_runner.errors import UsageError

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "data"
LOGS = PROJECT / "logs"
DEFAULT_DATASTORE = DATA / "ethelred.duckdb"
DEFAULT_SITE = DATA / "site"

OURS = ("ETHELRED_", "AWS_")
FALSE = ("", "0", "false", "f", "no", "n", "off")


def setting(name: str, default: str = "") -> str:
    """Return an environment variable without the white space around it; empty counts as unset."""
    return os.environ.get(name, "").strip() or default


def switch(name: str) -> bool:
    """Tell whether an environment variable is set to anything but false, 0, no or off."""
    return setting(name).lower() not in FALSE


def tidy_settings() -> None:
    """Strip our variables and AWS's of white space around them, and remove the empty ones.

    Libraries take all of it for a value.
    """
    for name, value in list(os.environ.items()):
        if name.startswith(OURS):
            os.environ[name] = value.strip()
            if not value.strip():
                del os.environ[name]


def work_root() -> Path:
    """Return the folder that private folders are made in: ETHELRED_WORK_DIR, else `data/work`."""
    return resolved("ETHELRED_WORK_DIR", setting("ETHELRED_WORK_DIR", str(DATA / "work")))


def resolved(name: str, text: str) -> Path:
    """Return the path that an option or a setting names, without links in it.

    Raises UsageError if it names none, or one in which DuckDB can write nothing.
    """
    try:
        path = Path(text).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{name} {text!r} is no path: {error}") from None
    if "?" in str(path):
        raise UsageError(f"{name} {path}: DuckDB can't write to a path with ? in it; name another")
    return path
