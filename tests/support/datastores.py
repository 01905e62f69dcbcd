"""Small datastores made by SQL, with helpers to change and read them."""

import hashlib
from contextlib import closing
from pathlib import Path

import duckdb

from ethelred_runner.datastore import Checkout, Datastore, open_datastore

SETTLED = {"ethelred.duckdb", "ethelred.duckdb.versions", ".ethelred.duckdb.lock"}
TABLES = (
    "create table if not exists logins (platform varchar not null, logged_in_at timestamp not null,"
    " ordinal integer not null, copy_id varchar not null, appended_at timestamp not null)",
    "create table if not exists copies (platform varchar not null, copy_id varchar not null,"
    " taken_at timestamp not null, taken_at_source varchar, obtained_at timestamp not null,"
    " users bigint, rejected_logins bigint, new_logins bigint)",
    "create table if not exists active_users (platform varchar not null, copy_id varchar not null,"
    " taken_at timestamp not null, users bigint)",
    "create table if not exists rejected_logins (platform varchar not null,"
    " copy_id varchar not null, reason varchar, value_shape varchar)",
)
LOGIN = (
    "insert into logins values"
    " ('p', timestamp '2026-03-01 10:00:00', ?, 'copy', timestamp '2026-03-02 05:00:00')"
)


def write_login(checkout: Checkout, ordinal: int) -> None:
    """Append one login to the work file, as a build does."""
    with closing(duckdb.connect(checkout.path)) as connection:
        for table in TABLES:
            connection.execute(table)
        connection.execute(LOGIN, [ordinal])


def append_login(address: str | Path, ordinal: int, *, init: bool = False) -> None:
    """Append one login, as a run does."""
    with open_datastore(str(address)) as datastore:
        append_to(datastore, ordinal, init=init)


def append_to(datastore: Datastore, ordinal: int, *, init: bool = False) -> None:
    with datastore.checkout(init=init) as checkout:
        write_login(checkout, ordinal)


def logins(address: str | Path) -> list[int]:
    """Return the ordinals of all logins."""
    with open_datastore(str(address)) as datastore:
        return [
            int(str(row[0]))
            for row in query(datastore.readable_path(), "select ordinal from logins")
        ]


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(duckdb.connect(path, read_only=True)) as connection:
        return connection.execute(f"from ({sql}) order by all").fetchall()


def execute(path: Path, *statements: str) -> Path:
    """Change a datastore behind the program's back."""
    with closing(duckdb.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute("checkpoint")
    return path


def version_numbers(address: str | Path) -> list[int]:
    with open_datastore(str(address)) as datastore:
        return [version.version for version in datastore.versions()]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
