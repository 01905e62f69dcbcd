"""A datastore of eight nights, two nights more to append, and helpers to look at files."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pytest

from tests.support.program import Ethelred
from tests.support.truth import Night

ROOT = Path(__file__).parent.parent.parent
PROJECT_FILES = ("ethelred_runner", "models", "macros", "seeds", "tests/dbt", "migrations")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the person who runs the tests has set plays no part."""
    for name in list(os.environ):
        if name.startswith(("ETHELRED_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ETHELRED_WORK", str(tmp_path / "work"))


@contextmanager
def made_once(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """Yield a path that all workers share; it exists if one of them has made it already."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared / name


@pytest.fixture(scope="session")
def eight_nights(
    tmp_path_factory: pytest.TempPathFactory, ethelred: Ethelred, nights: list[Night]
) -> Path:
    """Build a datastore of the first eight nights, once for all workers; only read it."""
    with made_once(tmp_path_factory, "eight-nights") as folder:
        store = folder / "ethelred.duckdb"
        if not folder.exists():
            ethelred("build", *paths(nights[:8]), "--datastore", store, "--init")
    return store


@pytest.fixture
def store(eight_nights: Path, tmp_path: Path) -> Path:
    """Return a datastore of the first eight nights that a test may change."""
    folder = tmp_path / "store"
    folder.mkdir()
    return shutil.copyfile(eight_nights, folder / "ethelred.duckdb")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project, whose models a test may change."""
    copy = tmp_path / "project"
    for name in PROJECT_FILES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copyfile(ROOT / name, copy / name)
    return copy


def paths(nights: list[Night]) -> list[Path]:
    return [night.raw for night in nights]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def query(datastore: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(duckdb.connect(datastore, read_only=True)) as connection:
        return connection.execute(sql).fetchall()


def execute(datastore: Path, *statements: str) -> Path:
    """Do to a datastore what only somebody else would do."""
    with closing(duckdb.connect(datastore)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute("checkpoint")
    return datastore


def logins(datastore: Path) -> list[tuple[object, ...]]:
    return query(datastore, "select platform, logged_in_at, ordinal from logins order by all")


def content(datastore: Path, *, without: tuple[str, ...] = ()) -> dict[str, list[object]]:
    """Return all tables with all their rows, so that two datastores can be compared."""
    tables = query(datastore, "select table_name from duckdb_tables() order by all")
    assert len(tables) > 8
    return {
        str(name): query(datastore, f"select * from {name} order by all")  # type: ignore[misc]
        for (name,) in tables
        if name not in without
    }
