"""Killed at whichever step, a run loses nothing, and the next one mends what is left."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from ethelred_runner.datastore import open_datastore
from tests.support.crashes import crashing
from tests.support.datastores import SETTLED, append_login, logins, names, sha256, version_numbers

Crash = Callable[[str, str, int], bool]


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    with crashing() as crash:
        yield crash


@pytest.mark.parametrize(("task", "steps"), [("append", 30), ("init", 25), ("restore", 30)])
def test_a_file(task: str, steps: int, store: Path, crash: Crash, tmp_path: Path) -> None:
    if task == "init":
        shutil.rmtree(store.parent)
        store.parent.mkdir()
    if task == "restore":
        append_login(store, 5)
    before, after = {"append": ([0], [0, 1]), "init": ([], [1]), "restore": ([0, 5], [0])}[task]
    found = set()
    for step in count(1):
        path = shutil.copytree(store.parent, tmp_path / str(step)) / store.name
        was_killed = crash(str(path), task, step)
        state = logins(path) if path.exists() else []
        assert state in (before, after), step
        found.add(tuple(state))
        append_login(path, 9, init=not state)
        assert logins(path) == [*state, 9]
        assert names(path.parent) == SETTLED
        check_versions(path, task)
        if not was_killed:
            break
    assert step > steps
    assert found == {tuple(before), tuple(after)}


def check_versions(path: Path, task: str) -> None:
    """The newest version is the file itself, and the one before is what the kill left."""
    with open_datastore(str(path)) as datastore:
        versions = datastore.versions()
    assert versions[0].sha256 == sha256(path)
    numbers = [version.version for version in versions]
    assert numbers == list(range(len(numbers), 0, -1))
    folder = path.with_name(f"{path.name}.versions")
    assert not list(folder.glob("**/*#*"))
    assert {entry.stat().st_mode & 0o77 for entry in (folder, *folder.glob("**/*"))} == {0}


@pytest.mark.parametrize(("task", "steps"), [("append", 12), ("init", 8), ("restore", 12)])
def test_a_bucket(task: str, steps: int, address: str, crash: Crash) -> None:
    if task != "init":
        append_login(address, 0, init=True)
    expected = [] if task == "init" else [0]
    for step in count(1):
        place = f"{address}/{step}" if task == "init" else address
        was_killed = crash(place, task, step)
        after = {"append": [*expected, 1], "init": [1], "restore": [0]}[task]
        after.sort()
        with open_datastore(place) as datastore:
            state = logins(place) if datastore.exists() else []
        assert state in (expected, after)
        append_login(place, 9, init=not state)
        assert logins(place) == sorted([*state, 9])
        numbers = version_numbers(place)
        assert numbers == list(range(numbers[0], 0, -1))
        expected = logins(address) if task != "init" else []
        if not was_killed:
            break
    assert step > steps


@pytest.mark.dice
def test_killed_at_random_instants(store: Path) -> None:
    chance = random.Random(os.environ.get("KILL_SEED", "7"))  # noqa: S311
    program = (
        "import sys; from tests.support.datastores import append_login as a; a(sys.argv[1], 1)"
    )
    for _ in range(120):
        had = logins(store)
        run = subprocess.Popen([sys.executable, "-c", program, store])
        time.sleep(chance.uniform(0.2, 0.9))
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert logins(store) in (had, [*had, 1])
    append_login(store, 9)
    assert names(store.parent) == SETTLED
    check_versions(store, "append")
