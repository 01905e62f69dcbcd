"""Fixtures that all tests share: the program, and the sample nights with their truth."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browsing import browser, visit
from tests.support.built_once import built_once
from tests.support.disks import pytest_pyfunc_call, small_disk
from tests.support.program import SAMPLES, Ethelred, run_ethelred
from tests.support.storage import storage
from tests.support.truth import Night, read_nights

__all__ = ["browser", "pytest_pyfunc_call", "small_disk", "visit"]  # for pytest


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Leave tests of the site to the end, when the group that comes first has built it.

    All reports are built by that group, because one waits for the other.
    """
    items.sort(key=lambda item: item.get_closest_marker("site") is not None)


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

    def build(folder: Path) -> None:
        copies = [night.raw for night in nights]
        ethelred("build", *copies, "--datastore", folder / "ethelred.duckdb", "--init")

    return built_once(tmp_path_factory, "datastore", build) / "ethelred.duckdb"


@pytest.fixture(scope="session")
def demo_datastore(tmp_path_factory: pytest.TempPathFactory, ethelred: Ethelred) -> Path:
    """Build the demo's datastore: more than a year of two simulated platforms."""

    def build(folder: Path) -> None:
        ethelred("demo", "--datastore", folder / "ethelred.duckdb", "--no-report")

    return built_once(tmp_path_factory, "demo", build) / "ethelred.duckdb"


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run an S3 service."""
    with storage(tmp_path_factory.mktemp("weed")) as port:
        yield port
