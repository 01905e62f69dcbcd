"""What a run is told from outside: the environment's settings, and where things are by default."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "data"
LOGS = PROJECT / "logs"
DEFAULT_DATASTORE = DATA / "ethelred.duckdb"
DEFAULT_SITE = DATA / "site"

OURS = ("ETHELRED_", "AWS_")
FALSE = ("", "0", "false", "no", "off")


def setting(name: str, default: str = "") -> str:
    """Return an environment variable without the white space around it; empty counts as unset."""
    return os.environ.get(name, "").strip() or default


def switch(name: str) -> bool:
    """Tell whether an environment variable is set to anything but false, 0, no or off."""
    return setting(name).lower() not in FALSE


def drop_empty_settings() -> None:
    """Remove the empty ones of our variables and AWS's, which libraries take for values."""
    for name, value in list(os.environ.items()):
        if name.startswith(OURS) and not value.strip():
            del os.environ[name]


def work_root() -> Path:
    """Return the folder that private folders are made in: ETHELRED_WORK_DIR, else `data/work`."""
    return Path(setting("ETHELRED_WORK_DIR", str(DATA / "work"))).expanduser().absolute()
