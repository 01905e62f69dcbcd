"""Fixtures: a small datastore in a file, and datastores on a real S3 service."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.datastores import append_login
from tests.support.storage import BUCKET, Proxy, endpoint


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the settings of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("ETHELRED_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ETHELRED_WORK_DIR", str(tmp_path / "work"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Make a datastore with one login, numbered 0."""
    path = tmp_path / "store" / "ethelred.duckdb"
    append_login(path, 0, init=True)
    return path


@pytest.fixture
def proxy(s3_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Return a proxy to the S3 service, to which the environment points."""
    with Proxy(s3_port) as proxy:
        for name, value in endpoint(proxy.port).items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def address(proxy: Proxy) -> str:
    """Return the address of a datastore that doesn't exist yet."""
    return f"s3://{BUCKET}/{uuid.uuid4().hex}/deep"


@pytest.fixture
def kept(address: str) -> str:
    """Make a datastore with one login, numbered 0, in object storage; return its address."""
    append_login(address, 0, init=True)
    return address
