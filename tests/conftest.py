"""Fixtures that all tests share: the program, and the sample nights with their truth."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.browsing import browser, visit
from tests.support.program import SAMPLES, Ethelred, run_ethelred
from tests.support.truth import Night, read_nights

__all__ = ["browser", "visit"]  # fixtures


@pytest.fixture(scope="session")
def ethelred() -> Ethelred:
    """Run the program as a user does."""
    return run_ethelred


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> list[Night]:
    """Lay out the ten sample nights with the modification times that they had."""
    folder = tmp_path_factory.mktemp("nights")
    shutil.copytree(SAMPLES / "opencodelists" / "backups", folder / "backups", symlinks=True)
    found = read_nights(SAMPLES / "opencodelists", folder)
    for night in found:
        for path in (night.raw, night.sanitised):
            moment = int(night.taken_at.timestamp()) * 10**9 + night.taken_at.microsecond * 1000
            os.utime(path, ns=(moment, moment))
    return found


@pytest.fixture(scope="session")
def datastore(
    tmp_path_factory: pytest.TempPathFactory, ethelred: Ethelred, nights: list[Night]
) -> Path:
    """Build a datastore of all ten nights at once, for tests that only read it."""
    path = tmp_path_factory.mktemp("datastore") / "ethelred.duckdb"
    ethelred("build", *(night.raw for night in nights), "--datastore", path, "--init")
    return path


@pytest.fixture(scope="session")
def demo_datastore(tmp_path_factory: pytest.TempPathFactory, ethelred: Ethelred) -> Path:
    """Build the demo's datastore: more than a year of two simulated platforms."""
    path = tmp_path_factory.mktemp("demo") / "ethelred.duckdb"
    ethelred("demo", "--datastore", path, "--no-report")
    return path
