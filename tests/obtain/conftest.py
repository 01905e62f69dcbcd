"""Fixtures: a private folder, small databases, and an empty home and environment."""

import os
from pathlib import Path

import pytest

from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.obtain import Copy
from ethelred_runner.obtain.platforms import Platform
from ethelred_runner.obtain.source import Source
from tests.support.copies import USERS, Get, compressed, make_database, obtain_one


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the settings, and hide the ~/.ssh, of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("ETHELRED_", "AWS_", "SSH_", "SSL_CERT")) or "proxy" in name.lower():
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ETHELRED_WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setattr(Source, "stall_seconds", 1.0)
    monkeypatch.setattr(Source, "backoff_seconds", 0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "obtained"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def get(folder: Path) -> Get:
    def get(source: object, platform: Platform = USERS) -> Copy:
        return obtain_one(CopyRequest(str(source), platform), folder)

    return get


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make_database(tmp_path / "2026-03-30-db.sqlite3")


@pytest.fixture(scope="session")
def big_content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a copy of 6 MB that hardly compresses, large enough to be cut in the middle."""
    blob = "create table filler as with recursive n(i) as (select 1 union all select i + 1 from n"
    blob += " where i < 6000) select randomblob(1000) as noise from n;"
    place = tmp_path_factory.mktemp("big")
    plain = make_database(place / "plain.sqlite3", users=50, extra=blob)
    return compressed(plain, place / "compressed").read_bytes()


@pytest.fixture
def big(tmp_path: Path, big_content: bytes) -> Path:
    path = tmp_path / "2026-03-30-db.sqlite3.zst"
    path.write_bytes(big_content)
    return path
