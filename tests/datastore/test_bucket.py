"""A datastore on a real S3 service loses no version, whatever breaks."""

import multiprocessing
import operator
import os
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import obstore
import pytest

from ethelred_runner.datastore import Conflict, bucket, open_datastore, versions
from ethelred_runner.datastore.bucket import open_bucket
from ethelred_runner.errors import DatastoreError, UsageError
from tests.support.datastores import (
    append_login,
    append_to,
    logins,
    names,
    sha256,
    version_numbers,
    write_login,
)
from tests.support.storage import KEYS, Proxy, endpoint


def test_a_commit_is_a_new_version_that_others_pull(address: str, tmp_path: Path) -> None:
    with open_datastore(address) as datastore:
        for call in (partial(datastore.check, init=False), partial(append_to, datastore, 1)):
            with pytest.raises(DatastoreError, match="add --init"):
                call()
        assert datastore.check(init=True) == f"{address} will be created"
        append_to(datastore, 1, init=True)
        assert datastore.check(init=False) == f"{address}, version 1"
    append_login(address, 2)
    with open_datastore(address) as datastore:
        assert logins(datastore.readable_path()) == [1, 2]
        assert [version.action for version in datastore.versions()] == ["build", "build"]
        assert datastore.versions()[0].sha256 == sha256(datastore.readable_path())
        with datastore.checkout(init=False) as checkout:
            write_login(checkout, 3)
            checkout.discard()
    assert logins(address) == [1, 2]
    assert not names(tmp_path / "work")


@pytest.mark.parametrize("tries", [1, 4])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_at_any_step(
    when: str, tries: int, kept: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is lost, or only its answer."""
    before = len(proxy.requests)
    append_login(kept, 1)
    steps = len(proxy.requests) - before
    assert steps >= 10, proxy.requests
    expected, outcomes = [0, 1], Counter[str]()
    monkeypatch.setattr(bucket, "TRIES", tries)
    for step in range(steps):
        setattr(proxy, when, partial(operator.ne, len(proxy.requests) + step))
        outcome = "refused"
        with suppress(DatastoreError):
            append_login(kept, step + 2)
            outcome = "done"
        setattr(proxy, when, lambda number: True)
        found = logins(kept)
        assert found in (expected, [*expected, step + 2]), proxy.requests
        assert outcome == "refused" or step + 2 in found
        outcomes[outcome] += 1
        expected = found
    # Only an error before the commit is a failure.
    assert outcomes["done"] == steps if tries > 1 else outcomes["refused"] >= 7
    append_login(kept, 99)
    assert logins(kept) == [*expected, 99]
    numbers = version_numbers(kept)
    assert numbers == sorted(set(numbers), reverse=True)


def race(address: str, ordinals: list[int], settings: dict[str, str]) -> None:
    os.environ.update(settings)
    for ordinal in ordinals:
        while True:
            with suppress(Conflict):
                append_login(address, ordinal)
                break


@pytest.mark.parametrize("kind", ["file", "bucket"])
def test_racing_processes_never_lose_an_update(
    kind: str, store: Path, kept: str, s3_port: int, tmp_path: Path
) -> None:
    """Writers of a file wait for each other, and writers of a bucket begin again."""
    address = str(store) if kind == "file" else kept
    spawn = multiprocessing.get_context("spawn")
    settings = endpoint(s3_port) | {"ETHELRED_WORK_DIR": str(tmp_path)}
    racers = [
        spawn.Process(target=race, args=(address, [racer, racer + 1, racer + 2], settings))
        for racer in (10, 20, 30)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(120)
        assert racer.exitcode == 0
    assert logins(address) == [0, *range(10, 13), *range(20, 23), *range(30, 33)]
    assert version_numbers(address) == list(range(10, 0, -1))


def test_a_damaged_version_is_refused_and_an_earlier_one_restored(kept: str) -> None:
    append_login(kept, 1)
    append_login(kept, 2)
    with open_datastore(kept) as datastore:
        obstore.put(open_bucket(kept)._store, datastore.versions()[0].blob, b"something else")
        with pytest.raises(DatastoreError, match=r"version 3 is damaged .*ethelred versions"):
            datastore.readable_path()
        with pytest.raises(DatastoreError, match="has no version 9"):
            datastore.restore(9)
        restored = datastore.restore(2)
        assert (restored.version, restored.action) == (4, "restore of version 2")
    assert version_numbers(kept) == [4, 3, 2, 1]
    assert logins(kept) == [0, 1]


def test_old_versions_are_pruned_but_none_that_a_run_may_need(
    kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHELRED_KEEP_VERSIONS", "2")
    obstore.put(open_bucket(kept)._store, "blobs/cut-off.duckdb", b"of a killed run")
    append_login(kept, 1)
    append_login(kept, 2)
    assert version_numbers(kept) == [3, 2, 1]
    bucket = open_bucket(kept)
    (lost,) = (version.blob for version in bucket.list_versions() if version.version == 2)
    obstore.delete(bucket._store, ["blobs/cut-off.duckdb", lost])
    assert version_numbers(kept) == [3, 1]
    monkeypatch.setattr(versions, "BLOB_GRACE_PERIOD", timedelta(seconds=-60))
    append_login(kept, 3)
    assert version_numbers(kept) == [4, 3]
    assert len(open_bucket(kept)._list("blobs")) == 2
    assert len(open_bucket(kept)._list("commits")) == 4
    with open_datastore(kept) as datastore:
        with pytest.raises(DatastoreError, match=r"version 1 is .*not there"):
            datastore.restore(1)
        assert datastore.restore(3).version == 5
    assert logins(kept) == [0, 1, 2]
    for text in ("1", "-3", "many"):
        monkeypatch.setenv("ETHELRED_KEEP_VERSIONS", text)
        with pytest.raises(UsageError, match="at least 2"):
            append_login(kept, 4)


def xml(code: str) -> bytes:
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>x</Message></Error>'.encode()


# Each page says that another follows.
LISTING = b"""<ListBucketResult><Name>history</Name><KeyCount>1</KeyCount>
    <IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken><Contents>
    <Key>commits/99999999.json</Key><LastModified>2026-11-25T10:00:00Z</LastModified>
    <Size>9</Size></Contents></ListBucketResult>"""
ANSWERS = {
    "refuses access": (403, xml("AccessDenied")),
    "quota is used up": (403, xml("QuotaExceeded")),
    "failed, perhaps because it has no room left": (500, xml("InternalError")),
    "there is no room left": (507, xml("InsufficientStorage")),
    "no such bucket; create it": (404, xml("NoSuchBucket")),
    "refuses this machine's clock": (403, xml("RequestTimeTooSkewed")),
    "AWS_SESSION_TOKEN, which expires": (400, xml("ExpiredToken")),
    "check AWS_REGION,": (400, xml("AuthorizationHeaderMalformed")),
    "check AWS_REGION": (301, xml("PermanentRedirect")),
    "use another": (501, xml("NotImplemented")),
    "can't be reached, or failed": (503, xml("SlowDown")),
    "overwrites objects|no datastore": (200, b"<html>welcome</html>"),
    "lists the same objects again|overwrites objects": (200, LISTING),
    "can't be reached": None,  # frozen
}


@pytest.mark.parametrize("reason", ANSWERS)
def test_what_a_service_answers_is_said_in_plain_words(
    reason: str, address: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One service answers 200 to everything, so it would overwrite objects."""
    monkeypatch.setattr(bucket, "TRIES", 1)
    proxy.answer = ANSWERS[reason]
    if not proxy.answer:
        monkeypatch.setattr(bucket, "SILENCE", timedelta(seconds=0.2))
        proxy.before = lambda number: not threading.Event().wait(1)
    with open_datastore(address) as datastore:
        for call in (datastore.readable_path, lambda: append_to(datastore, 1, init=True)):
            with pytest.raises(DatastoreError, match=reason) as refused:
                call()
            assert KEYS[1] not in str(refused.value)
    assert len(proxy.requests) < (60 if proxy.answer == (200, LISTING) else 12)


def test_a_service_that_falls_silent_holds_a_run_for_less_than_systemd_waits(
    address: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SILENCE", "PATIENCE"):
        monkeypatch.setattr(bucket, name, getattr(bucket, name) / 20)
    gone = threading.Event()
    proxy.before = lambda number: not gone.wait(100)
    began = time.monotonic()
    with open_datastore(address) as datastore, pytest.raises(DatastoreError, match="be reached"):
        datastore.readable_path()
    gone.set()
    assert time.monotonic() - began < 90 / 20
    assert len(proxy.requests) == 2  # a connection may be broken


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_ENDPOINT_URL", "nonsense", "no address of a service"),
        ("AWS_ENDPOINT_URL", "https://[", "no address of a service"),
        ("AWS_ENDPOINT_URL", "", "check the AWS_"),
        ("AWS_ENDPOINT_URL", "http://storage.example", "isn't encrypted"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "can't be reached"),
        ("AWS_SESSION_TOKEN", "two\nlines", "check the AWS_"),
        ("AWS_SECRET_ACCESS_KEY", f"wrong-{KEYS[1]}", "refuses access"),
    ],
)
def test_wrong_settings(
    name: str, value: str, reason: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of them make the library panic, which raises a BaseException."""
    monkeypatch.setattr(bucket, "TRIES", 1)
    monkeypatch.setenv(name, value)
    with pytest.raises((DatastoreError, UsageError), match=reason) as refused:
        logins(kept)
    assert KEYS[1] not in str(refused.value)
    for wrong in ("s3://", "s3:///key", "s3://user:word@bucket/key", "s3://b?x"):
        with pytest.raises(UsageError, match="s3://bucket/prefix"):
            logins(wrong)


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "elsewhere")
    assert logins(kept) == [0]
