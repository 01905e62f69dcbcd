"""Settings from environment variables, and the default places of files."""

import os
from pathlib import Path

from ethelred_runner.errors import UsageError

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "data"
LOGS = PROJECT / "logs"
DEFAULT_DATASTORE = DATA / "ethelred.duckdb"
DEFAULT_SITE = DATA / "site"

TIDIED = ("ETHELRED_", "AWS_", "SSL_CERT_")
FALSE = ("", "0", "false", "f", "no", "n", "off")


def setting(name: str, default: str = "") -> str:
    """Return an environment variable without surrounding white space; empty counts as unset."""
    return os.environ.get(name, "").strip() or default


def switch(name: str) -> bool:
    """Return whether an environment variable is set, and isn't false, 0, no or off."""
    return setting(name).lower() not in FALSE


def tidy_settings() -> None:
    """Strip white space from our variables, AWS's, the proxy's and SSL's; remove the empty ones.

    Libraries would take white space or an empty text for a value.
    """
    for name, value in list(os.environ.items()):
        if name.startswith(TIDIED) or name.lower().endswith("_proxy"):
            os.environ[name] = value.strip()
            if not value.strip():
                del os.environ[name]


def work_root() -> Path:
    """Return the parent of private folders: ETHELRED_WORK_DIR, by default `data/work`."""
    return resolved("ETHELRED_WORK_DIR", setting("ETHELRED_WORK_DIR", str(DATA / "work")))


def resolved(name: str, text: str) -> Path:
    """Return the path of an option or a setting, with links resolved.

    Raises UsageError if the path is invalid, or if DuckDB can't write to it.
    """
    try:
        path = Path(text).expanduser().resolve()
        str(path).encode()  # DuckDB and Node.js take UTF-8 only
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{name} {text!r} is no path: {error}") from None
    if "?" in str(path):
        raise UsageError(f"{name} {path}: DuckDB can't write to a path with ? in it; name another")
    return path
