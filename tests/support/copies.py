"""Make small databases, and obtain them."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from backports import zstd

from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.obtain import Copy, obtain
from ethelred_runner.obtain.platforms import Platform

DAMAGED = Path(__file__).parent.parent / "samples" / "damaged"
USERS = Platform("opencodelists", "OpenCodelists", "opencodelists_user", "last_login")

Get = Callable[..., Copy]


def obtain_one(request: CopyRequest, folder: Path) -> Copy:
    """Obtain a copy in a thread, because the test's own may already have a browser's event loop."""
    with ThreadPoolExecutor(1) as worker:
        return worker.submit(lambda: next(obtain([request], folder))).result()


def make_database(path: Path, *, users: int = 2000, extra: str = "") -> Path:
    """Make a database like a platform's with some thousand users."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "pragma page_size = 1024; pragma journal_mode = wal; create table opencodelists_user"
            "(password, last_login, username varchar primary key not null, name, email,"
            " is_active, is_admin)"
        )
        rows = [(f"user-{n}", f"2026-03-01 10:00:{n % 60:02}.{n:06}") for n in range(users)]
        connection.executemany(
            "insert into opencodelists_user(username, last_login) values (?, ?)", rows
        )
        connection.executescript(extra)
        connection.execute("pragma wal_checkpoint(truncate)")
    return path


def compressed(plain: Path, to: Path, **options: int) -> Path:
    parameters: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
    parameters |= {zstd.CompressionParameter[name]: value for name, value in options.items()}
    to.write_bytes(zstd.compress(plain.read_bytes(), options=parameters))
    return to
