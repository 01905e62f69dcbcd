"""A datastore in object storage, on a real S3 service: whatever breaks, no version is lost."""

import json
import multiprocessing
import operator
import os
import subprocess
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import obstore
import pytest

from ethelred_runner import versions as versions_module
from ethelred_runner.bucket import Bucket, Unreachable
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.store import BucketStore, opened
from ethelred_runner.versions import Version, Versions
from tests.conftest import PROGRAM, Ethelred
from tests.truth import Night

from .conftest import execute, logins, names, query, sha256
from .storage import KEYS, Proxy, endpoint

NOBODY = "create table datastore_format as select 1 as format"


def small_store(address: str, folder: Path, tries: int = 1) -> BucketStore:
    folder.mkdir(exist_ok=True)
    return BucketStore(Bucket(address, tries=tries, silence=timedelta(seconds=5)), folder)


def note(store: BucketStore, number: int) -> Version | None:
    """Do in small what `append` does: pull, change, push."""
    path = store.fetch()
    execute(path, f"insert into note values ({number})")
    return store._push("note")


def notes(address: str, folder: Path) -> list[int]:
    path = small_store(address, folder, tries=5).fetch()
    return [row[0] for row in query(path, "from note order by all")]  # type: ignore[misc]


@pytest.fixture
def first(address: str, tmp_path: Path) -> str:
    """Make a small datastore with one version, and return its address."""
    path = execute(tmp_path / "first.duckdb", NOBODY, "create table note (number int)")
    assert Versions(Bucket(address)).push(path, sha256(path), 0, "test")
    return address


def test_a_push_is_a_new_version_that_others_pull(first: str, tmp_path: Path) -> None:
    pushed = note(small_store(first, tmp_path / "one"), 7)
    assert pushed
    assert pushed.version == 2
    other = small_store(first, tmp_path / "other")
    assert notes(first, tmp_path / "other") == [7]
    assert [version.version for version in other.versions()] == [2, 1]
    assert sha256(other.fetch()) == pushed.sha256


def test_the_slower_of_two_pushes_changes_nothing(first: str, tmp_path: Path) -> None:
    slower, quicker = (small_store(first, tmp_path / name) for name in ("slower", "quicker"))
    path = slower.fetch()
    assert note(quicker, 1)
    execute(path, "insert into note values (2)")
    assert slower._push("note") is None
    assert notes(first, tmp_path / "other") == [1]
    assert note(slower, 2)
    assert notes(first, tmp_path / "other") == [1, 2]
    assert len(Bucket(first).keys("blobs")) == 3  # the one that lost is gone


@pytest.mark.parametrize("tries", [1, 4])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_at_any_step(
    when: str, tries: int, first: str, proxy: Proxy, tmp_path: Path
) -> None:
    """The request, or only its answer, is lost; tried again or not."""
    steps = requests_of_a_push(first, proxy, tmp_path)
    expected = [0]
    outcomes: Counter[str] = Counter()
    for step in range(steps):
        setattr(proxy, when, partial(operator.ne, len(proxy.requests) + step))
        done = False
        with suppress(Unreachable):
            done = bool(note(small_store(first, tmp_path / f"{step}", tries), step + 1))
        setattr(proxy, when, lambda number: True)
        found = notes(first, tmp_path / f"look{step}")
        assert found in (expected, [*expected, step + 1]), proxy.requests
        assert not done or step + 1 in found
        outcomes["done" if done else "refused"] += 1
        expected = found
    assert outcomes["done"] == steps if tries > 1 else outcomes["refused"] >= steps - 1
    assert note(small_store(first, tmp_path / "last"), 99)
    numbers = [version.version for version in Versions(Bucket(first)).listed()]
    assert numbers == sorted(set(numbers), reverse=True)
    assert notes(first, tmp_path / "end") == [*expected, 99]


def requests_of_a_push(address: str, proxy: Proxy, tmp_path: Path) -> int:
    before = len(proxy.requests)
    assert note(small_store(address, tmp_path / "count"), 0)
    steps = len(proxy.requests) - before
    assert steps >= 7, proxy.requests
    return steps


def test_a_connection_that_freezes_is_given_up(first: str, proxy: Proxy, tmp_path: Path) -> None:
    def freeze(number: int) -> bool:
        time.sleep(1)
        return True

    proxy.before = freeze
    tmp_path.joinpath("a").mkdir()
    store = BucketStore(Bucket(first, tries=1, silence=timedelta(seconds=0.2)), tmp_path / "a")
    with pytest.raises(Unreachable, match="can't be reached"):
        store.fetch()


def add_notes(address: str, folder: Path, numbers: list[int], port: int) -> None:
    os.environ.update(endpoint(port))
    for number in numbers:
        while True:
            with suppress(DatastoreError):
                store = small_store(address, folder, tries=5)
                store._until_committed(lambda: note(store, number))  # noqa: B023
                break


def test_racing_processes_never_lose_an_update(first: str, tmp_path: Path, s3_port: int) -> None:
    spawn = multiprocessing.get_context("spawn")
    racers = [
        spawn.Process(
            target=add_notes,
            args=(first, tmp_path / f"{racer}", [racer * 10 + n for n in range(4)], s3_port),
        )
        for racer in range(3)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(120)
        assert racer.exitcode == 0
    expected = sorted(racer * 10 + n for racer in range(3) for n in range(4))
    assert notes(first, tmp_path / "end") == expected
    assert Versions(Bucket(first)).newest_number() == len(expected) + 1


def test_a_service_that_ignores_the_condition_is_refused(
    address: str, proxy: Proxy, ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    unsigned = endpoint(proxy.port) | {"AWS_SKIP_SIGNATURE": "true"}
    proxy.dropped_header = "if-none-match"
    build = ("build", nights[0].raw, "--datastore", address, "--init")
    done = ethelred(*build, code=5, ETHELRED_WORK=str(tmp_path), **unsigned)
    assert "overwrites objects although it is asked not to" in done.stderr
    assert set(proxy.requests) == {f"PUT /{address[5:]}/probe"}


def test_a_damaged_version_is_refused_and_an_earlier_one_restored(
    first: str, tmp_path: Path, ethelred: Ethelred, proxy: Proxy
) -> None:
    settings = endpoint(proxy.port) | {"ETHELRED_DATASTORE": first, "ETHELRED_WORK": str(tmp_path)}
    note(small_store(first, tmp_path / "a"), 1)
    damaged = note(small_store(first, tmp_path / "a"), 2)
    assert damaged
    obstore.put(Bucket(first)._store, damaged.blob, b"something else")
    assert "version 3 is damaged" in ethelred("status", code=5, **settings).stderr
    assert "no version 9" in ethelred("restore", "9", code=5, **settings).stderr
    ethelred("restore", "2", **settings)
    assert notes(first, tmp_path / "b") == [1]
    listed = json.loads(ethelred("versions", "--json", **settings).stdout)["versions"]
    assert [(version["version"], version["action"]) for version in listed] == [
        (4, "restore of version 2"),
        (3, "note"),
        (2, "note"),
        (1, "test"),
    ]
    assert "restore of version 2" in ethelred("versions", **settings).stdout


def test_old_versions_are_pruned_but_none_that_a_run_may_need(
    first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHELRED_KEEP_VERSIONS", "2")
    store, versions = small_store(first, tmp_path / "a"), Versions(Bucket(first))
    for number in range(3):
        assert note(store, number)
    versions.bucket.upload(tmp_path / "first.duckdb", "blobs/cut-off.duckdb")  # and no commit
    assert versions.prune() == 0
    monkeypatch.setattr(versions_module, "NEEDED_FOR", timedelta(seconds=-1))
    assert versions.prune() == 3
    assert [version.version for version in versions.listed()] == [4, 3]
    assert len(versions.bucket.keys("commits")) == 4
    with pytest.raises(DatastoreError, match="version 1 is not there any more"):
        store.restore(1)
    assert store.restore(3).version == 5
    assert notes(first, tmp_path / "b") == [0, 1]


@pytest.mark.parametrize("text", ["1", "0", "-3", "many"])
def test_fewer_than_two_versions_are_never_kept(
    text: str, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHELRED_KEEP_VERSIONS", text)
    with pytest.raises(UsageError, match="at least 2"):
        Versions(Bucket(first)).prune()


def test_two_runs_at_once_lose_nothing_and_one_begins_again(
    address: str, eight_nights: Path, nights: list[Night], tmp_path: Path
) -> None:
    assert Versions(Bucket(address)).push(eight_nights, sha256(eight_nights), 0, "test")
    runs = [
        subprocess.Popen(
            [PROGRAM, "build", night.raw, "--datastore", address],
            stderr=subprocess.PIPE,
            text=True,
        )
        for night in nights[8:]
    ]
    said = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert sum("another run was quicker" in text for text in said) == 1
    with opened(address) as store:
        assert query(store.fetch(), "select count(*) from copies") == [(10,)]
        assert len(logins(store.fetch())) > len(logins(eight_nights))
        assert [version.version for version in store.versions()] == [3, 2, 1]
    assert not names(tmp_path / "work")


def test_a_datastore_that_is_not_there_is_no_first_run(
    address: str, proxy: Proxy, ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    settings = endpoint(proxy.port) | {"ETHELRED_WORK": str(tmp_path)}
    done = ethelred("build", nights[0].raw, "--datastore", address, code=5, **settings)
    assert "add --init" in done.stderr
    assert "obtained" not in done.stderr
    assert not Bucket(address).keys("commits")


def test_no_error_tells_a_key(
    address: str, proxy: Proxy, ethelred: Ethelred, tmp_path: Path
) -> None:
    settings = endpoint(proxy.port) | {"ETHELRED_WORK": str(tmp_path)}
    settings["AWS_SECRET_ACCESS_KEY"] = "wrong-" + KEYS[1]
    done = ethelred("status", "--datastore", address, "--debug", code=5, **settings)
    assert "the service refuses access" in done.stderr.splitlines()[-1]
    assert KEYS[1] not in done.stderr + done.stdout


def test_an_endpoint_without_encryption_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://storage.example")
    with pytest.raises(UsageError, match="isn't encrypted"):
        Bucket(address)


@pytest.mark.parametrize("wrong", ["s3://", "s3:///key", "s3://user:word@bucket/key"])
def test_an_address_that_makes_no_sense(wrong: str) -> None:
    with pytest.raises(UsageError, match="s3://bucket/prefix"):
        Bucket(wrong)
