"""A datastore in object storage, on a real S3 service: whatever breaks, no version is lost."""

import multiprocessing
import operator
import os
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import obstore
import pytest
from ethelred_runner.datastore.objects import Objects, Unreachable, open_bucket

from ethelred_runner.datastore import Conflict, objects, open_datastore, versions
from ethelred_runner.datastore.bucket import BucketDatastore
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


def test_a_commit_is_a_new_version_that_others_pull(
    address: str, proxy: Proxy, tmp_path: Path
) -> None:
    with open_datastore(address) as datastore:
        with pytest.raises(DatastoreError, match="add --init"):
            datastore.check(init=False)
        with pytest.raises(DatastoreError, match="add --init"):
            append_to(datastore, 1)
        assert datastore.check(init=True) == f"{address} will be created"
        append_to(datastore, 1, init=True)
        before = len(proxy.requests)
        assert logins(datastore.fetch()) == [1]
        assert not any("/blobs/" in request for request in proxy.requests[before:])
        assert datastore.check(init=False).startswith(f"{address}, version 1 of 20")
    append_login(address, 2)
    with open_datastore(address) as datastore:
        assert logins(datastore.fetch()) == [1, 2]
        assert [version.action for version in datastore.versions()] == ["build", "build"]
        assert datastore.versions()[0].sha256 == sha256(datastore.fetch())
        with datastore.checkout(init=False) as checkout:
            write_login(checkout, 3)
            checkout.discard()
    assert logins(address) == [1, 2]
    assert not names(tmp_path / "work")


def test_the_slower_of_two_commits_changes_nothing(bucket: str) -> None:
    with (
        pytest.raises(Conflict, match="another run has committed meanwhile"),
        open_datastore(bucket) as slower,
        slower.checkout(init=False) as checkout,
    ):
        write_login(checkout, 2)
        append_login(bucket, 1)
    assert logins(bucket) == [0, 1]
    assert len(open_bucket(bucket).list_keys("blobs")) == 2  # the one that lost is gone


@pytest.mark.parametrize("tries", [1, 4])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_at_any_step(
    when: str, tries: int, bucket: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request, or only its answer, is lost; tried again or not."""
    before = len(proxy.requests)
    append_login(bucket, 1)
    steps = len(proxy.requests) - before
    assert steps >= 10, proxy.requests
    expected, outcomes = [0, 1], Counter[str]()
    for step in range(steps):
        monkeypatch.setattr(objects, "TRIES", tries)
        setattr(proxy, when, partial(operator.ne, len(proxy.requests) + step))
        done = False
        with suppress(Unreachable):
            append_login(bucket, step + 2)
            done = True
        setattr(proxy, when, lambda number: True)
        found = logins(bucket)
        assert found in (expected, [*expected, step + 2]), proxy.requests
        assert not done or step + 2 in found
        outcomes["done" if done else "refused"] += 1
        expected = found
    # What breaks after the commit is no failure, nor is a commit whose answer was lost.
    assert outcomes["done"] == steps if tries > 1 else outcomes["refused"] >= 8
    append_login(bucket, 99)
    assert logins(bucket) == [*expected, 99]
    numbers = version_numbers(bucket)
    assert numbers == sorted(set(numbers), reverse=True)


def test_a_connection_that_freezes_is_given_up(
    bucket: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def freeze(number: int) -> bool:
        time.sleep(1)
        return True

    monkeypatch.setattr(objects, "TRIES", 1)
    monkeypatch.setattr(objects, "SILENCE", timedelta(seconds=0.2))
    proxy.before = freeze
    with pytest.raises(Unreachable, match="can't be reached"):
        logins(bucket)


def race(address: str, ordinals: list[int], settings: dict[str, str]) -> None:
    os.environ.update(settings)
    for ordinal in ordinals:
        while True:
            with suppress(Conflict):
                append_login(address, ordinal)
                break


def test_racing_processes_never_lose_an_update(bucket: str, s3_port: int, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    settings = endpoint(s3_port) | {"ETHELRED_WORK": str(tmp_path)}
    racers = [
        spawn.Process(
            target=race, args=(bucket, [racer, racer + 1, racer + 2, racer + 3], settings)
        )
        for racer in (10, 20, 30)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(120)
        assert racer.exitcode == 0
    assert logins(bucket) == [0, *range(10, 14), *range(20, 24), *range(30, 34)]
    assert version_numbers(bucket) == list(range(13, 0, -1))


def test_a_service_that_ignores_the_condition_is_refused(
    address: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    proxy.dropped_header = "if-none-match"
    with pytest.raises(DatastoreError, match="overwrites objects although it is asked not to"):
        append_login(address, 0, init=True)
    assert set(proxy.requests) == {f"PUT /{address[5:]}/probe"}


def test_a_damaged_version_is_refused_and_an_earlier_one_restored(bucket: str) -> None:
    append_login(bucket, 1)
    append_login(bucket, 2)
    with open_datastore(bucket) as datastore:
        obstore.put(open_bucket(bucket)._store, datastore.versions()[0].blob, b"something else")
        with pytest.raises(DatastoreError, match=r"version 3 is damaged .*ethelred versions"):
            datastore.fetch()
        with pytest.raises(DatastoreError, match="has no version 9"):
            datastore.restore(9)
        restored = datastore.restore(2)
        assert (restored.version, restored.action) == (4, "restore of version 2")
        assert [version.version for version in datastore.versions()] == [4, 3, 2, 1]
    assert logins(bucket) == [0, 1]


def test_old_versions_are_pruned_but_none_that_a_run_may_need(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHELRED_KEEP_VERSIONS", "2")
    (tmp_path / "cut-off").write_text("of a run that was killed before its commit")
    open_bucket(bucket).upload(tmp_path / "cut-off", "blobs/cut-off.duckdb")
    append_login(bucket, 1)
    append_login(bucket, 2)
    assert version_numbers(bucket) == [3, 2, 1]
    monkeypatch.setattr(versions, "NEEDED_FOR", timedelta(seconds=-1))
    append_login(bucket, 3)
    assert version_numbers(bucket) == [4, 3]
    assert len(open_bucket(bucket).list_keys("blobs")) == 2
    assert len(open_bucket(bucket).list_keys("commits")) == 4
    with open_datastore(bucket) as datastore:
        with pytest.raises(DatastoreError, match="version 1 is not there any more"):
            datastore.restore(1)
        assert datastore.restore(3).version == 5
    assert logins(bucket) == [0, 1, 2]


@pytest.mark.parametrize("text", ["1", "0", "-3", "many"])
def test_fewer_than_two_versions_are_never_kept(
    text: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHELRED_KEEP_VERSIONS", text)
    with pytest.raises(UsageError, match="at least 2"):
        append_login(bucket, 1)


def test_a_listing_that_is_late_is_made_up_for(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_login(bucket, 1)
    listed = Objects.list_keys

    def late(self: Objects, folder: str) -> dict[str, datetime]:
        return {key: at for key, at in listed(self, folder).items() if "02.json" not in key}

    monkeypatch.setattr(Objects, "list_keys", late)
    assert logins(bucket) == [0, 1]


def xml(code: str) -> bytes:
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>x</Message></Error>'.encode()


ANSWERS = {
    "refuses access": (403, xml("AccessDenied")),
    "no room left": (403, xml("QuotaExceeded")),
    "there is no room left": (507, xml("InsufficientStorage")),
    "no such bucket; create it": (404, xml("NoSuchBucket")),
    "refuses this machine's clock": (403, xml("RequestTimeTooSkewed")),
    "the session token has expired": (400, xml("ExpiredToken")),
    "in another region": (400, xml("AuthorizationHeaderMalformed")),
    "check AWS_REGION": (301, xml("PermanentRedirect")),
    "use another": (501, xml("NotImplemented")),
    "can't be reached, or failed": (503, xml("SlowDown")),
    "overwrites objects|no datastore at": (200, b"<html>welcome</html>"),
}


@pytest.mark.parametrize("reason", ANSWERS)
def test_what_a_service_answers_is_said_in_plain_words(
    reason: str, address: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that answers 200 to everything among them, which was asked for ever."""
    monkeypatch.setattr(objects, "TRIES", 1)
    proxy.answer = ANSWERS[reason]
    with open_datastore(address) as datastore:
        for call in (datastore.fetch, lambda: append_to(datastore, 1, init=True)):
            with pytest.raises(DatastoreError, match=reason) as refused:
                call()
            assert KEYS[1] not in str(refused.value)
    assert len(proxy.requests) < 12


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_ENDPOINT_URL", "nonsense", "check the AWS_"),
        ("AWS_ENDPOINT_URL", "", "check the AWS_"),
        ("AWS_SESSION_TOKEN", "two\nlines", "check the AWS_"),
        ("AWS_SECRET_ACCESS_KEY", f"wrong-{KEYS[1]}", "refuses access"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "can't be reached"),
    ],
)
def test_wrong_settings(
    name: str, value: str, reason: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of them make the library panic, which is no Exception."""
    monkeypatch.setattr(objects, "TRIES", 1)
    monkeypatch.setenv(name, value)
    with pytest.raises(DatastoreError, match=reason) as refused:
        logins(bucket)
    assert KEYS[1] not in str(refused.value)


def test_an_endpoint_without_encryption_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://storage.example")
    with pytest.raises(UsageError, match="isn't encrypted"):
        logins(address)


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "elsewhere")
    monkeypatch.setenv("no_proxy", "elsewhere")
    assert logins(bucket) == [0]


@pytest.mark.parametrize("wrong", ["s3://", "s3:///key", "s3://user:word@bucket/key", "s3://b?x"])
def test_an_address_that_makes_no_sense(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="s3://bucket/prefix"):
        BucketDatastore(wrong, tmp_path)
