"""Small databases to obtain, and an empty home and environment for every test."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from backports import zstd

from ethelred_runner.copies import Copy
from ethelred_runner.limits import Limits
from ethelred_runner.obtain import Request, obtain
from ethelred_runner.platforms import Platform

SAMPLES = Path(__file__).parent.parent / "samples"
DAMAGED = SAMPLES / "damaged"
QUICK = Limits(stall_seconds=0.7, backoff_seconds=0.01)
USERS = Platform("opencodelists", "OpenCodelists", "opencodelists_user", "last_login")

Obtain = Callable[..., Copy]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the person who runs the tests has set, and has in ~/.ssh, plays no part."""
    for name in list(os.environ):
        if name.startswith(("ETHELRED_", "AWS_", "SSH_", "SSL_CERT")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ETHELRED_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "obtained"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def get(folder: Path) -> Obtain:
    def get(source: object, limits: Limits = QUICK, platform: Platform = USERS) -> Copy:
        return obtain([Request(str(source), platform)], folder, limits)[0]

    return get


def make_database(path: Path, *, users: int = 2000, extra: str = "") -> Path:
    """Make a small database like a platform's, of the size that some thousand users need."""
    with closing(sqlite3.connect(path)) as base:
        base.executescript(
            "pragma page_size = 1024; pragma journal_mode = wal; create table opencodelists_user"
            "(password, last_login, username varchar primary key not null, name, email,"
            " is_active, is_admin)"
        )
        rows = [(f"user-{n}", f"2026-03-01 10:00:{n % 60:02}.{n:06}") for n in range(users)]
        base.executemany("insert into opencodelists_user(username, last_login) values (?, ?)", rows)
        base.executescript(extra)
        base.execute("pragma wal_checkpoint(truncate)")
    return path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make_database(tmp_path / "2026-03-30-db.sqlite3")


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A copy of 6 MB that hardly compresses: large enough to be cut in the middle."""
    blob = "create table filler as with recursive n(i) as (select 1 union all select i + 1 from n"
    blob += " where i < 6000) select randomblob(1000) as noise from n;"
    plain = make_database(tmp_path / "plain.sqlite3", users=50, extra=blob)
    return compressed(plain, tmp_path / "2026-03-30-db.sqlite3.zst")


def compressed(plain: Path, to: Path, **options: int) -> Path:
    parameters: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
    parameters |= {zstd.CompressionParameter[name]: value for name, value in options.items()}
    to.write_bytes(zstd.compress(plain.read_bytes(), options=parameters))
    return to
