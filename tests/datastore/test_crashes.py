"""A run that is killed at any step loses nothing, and the next run cleans up."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from ethelred_runner.datastore import open_datastore
from tests.support.crashes import Crash, crashing
from tests.support.datastores import SETTLED, append_login, logins, names, sha256
from tests.support.storage import BUCKET


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    with crashing() as crash:
        yield crash


TASKS = {"append": ([0], [0, 1]), "init": ([], [1]), "restore": ([0, 5], [0])}


@pytest.mark.parametrize("kind", ["file", "bucket"])
@pytest.mark.parametrize(
    ("task", "stride"),
    [("append", 1), ("init", 3), ("restore", 5)]
    + [pytest.param(task, 1, marks=pytest.mark.dice) for task in ("init", "restore")],
)
def test_killed_at_each_step(
    kind: str, task: str, stride: int, address: str, crash: Crash, tmp_path: Path
) -> None:
    found = set()
    places = address if kind == "bucket" else str(tmp_path)
    for ordinal in TASKS[task][0]:
        append_login(f"{places}/first/history", ordinal, init=True)
    for step in count(1, stride):
        place = f"{places}/{step}/history"
        copy_folder(f"{places}/first", f"{places}/{step}")
        was_killed = crash(place, task, step)
        with open_datastore(place) as datastore:
            state = logins(place) if datastore.exists() else []
        assert state in TASKS[task], step
        found.add(tuple(state))
        append_login(place, 9, init=not state)
        assert logins(place) == [*state, 9]
        check_versions(place)
        if not was_killed:
            break
    assert step > (20 if kind == "file" else 8)
    assert found == set(map(tuple, TASKS[task]))


def copy_folder(old: str, new: str) -> None:
    """Copy a datastore with its versions, in a bucket or in a folder."""
    if old.startswith("s3:"):
        prefix, to = (address.removeprefix(f"s3://{BUCKET}/") for address in (old, new))
        store = S3Store(BUCKET, client_options={"allow_http": True})
        for entry in obstore.list(store, prefix).collect():
            obstore.copy(store, entry["path"], entry["path"].replace(prefix, to))
    elif Path(old).exists():
        shutil.copytree(old, new)


def check_versions(place: str) -> None:
    """Check that the newest version is the datastore, and the one before it what the kill left."""
    with open_datastore(place) as datastore:
        versions = datastore.versions()
        assert versions[0].sha256 == sha256(datastore.readable_path())
    numbers = [version.version for version in versions]
    assert numbers == list(range(len(numbers), 0, -1))
    path = Path(place)
    if path.exists():
        settled = {name.replace("ethelred.duckdb", path.name) for name in SETTLED}
        assert names(path.parent) == settled
        folder = path.with_name(f"{path.name}.versions")
        assert {entry.stat().st_mode & 0o77 for entry in (folder, *folder.glob("**/*"))} == {0}


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
    check_versions(str(store))
