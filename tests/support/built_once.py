"""Things that take long are built by one worker of the test run and read by all."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ethelred_runner.folders import locked

PATIENCE = 1800.0  # seconds to wait for another worker


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """Return the folder that `build` has filled, in this worker or in another."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done, lock = base / name, base / f"{name}.done", base / f"{name}.lock"
    folder.mkdir(exist_ok=True)
    lock.touch()
    with locked(lock, wait_seconds=PATIENCE):
        if not done.exists():
            build(folder)
            done.touch()
    return folder
