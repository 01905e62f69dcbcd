"""Where things are: the project's folder, and what a run reads and writes by default."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "data"
DEFAULT_DATASTORE = DATA / "ethelred.duckdb"
DEFAULT_SITE = DATA / "site"
LOGS = PROJECT / "logs"
