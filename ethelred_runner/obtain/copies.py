"""The users' latest logins, taken out of each copy: all that is kept of it."""

import csv
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import duckdb

from ethelred_runner.obtain.fetch import DEFAULT_LIMITS, Copy, obtain
from ethelred_runner.obtain.requests import Limits, Request
from ethelred_runner.obtain.verify import opened, quoted

COPIES_NAME = "copies.duckdb"
LONGEST_VALUE = 64  # characters; a timestamp is far shorter
TABLES = """
    create table copies_obtained (
        platform varchar, copy_number integer, content_sha256 varchar, modified_at timestamp,
        named_on date, stated_taken_at timestamp, obtained_at timestamp
    );
    create table last_logins (
        platform varchar, copy_number integer, value varchar, storage_class varchar
    )
"""
COPY_OBTAINED = """
    insert into copies_obtained values (
        $1, $2, $3, $4::timestamptz at time zone 'UTC', $5,
        $6::timestamptz at time zone 'UTC', $7::timestamptz at time zone 'UTC'
    )
"""
# In hexadecimal no byte can end a line or a field. What isn't UTF-8 can be no text.
LAST_LOGINS = """
    insert into last_logins
    select
        $platform,
        $number,
        case when storage_class <> 'null' then try(decode(unhex(coalesce(value, '')))) end,
        storage_class
    from read_csv(
        $file, header = false, delim = ',', quote = '', all_varchar = true,
        names = ['value', 'storage_class']
    )
"""


def obtain_logins(
    requests: Sequence[Request],
    folder: Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    keep: bool = False,
) -> Path:
    """Obtain copies, and put their users' latest logins into `folder`/copies.duckdb.

    Each whole copy is deleted as soon as its column is out, unless it is to be kept. The tables
    are `copies_obtained` (times in UTC) and `last_logins`: a value is the text that SQLite makes
    of what is stored, whatever it is, or null if it can't be text; the storage class is SQLite's
    `typeof`. Copies are numbered from 1. Raises what `obtain` raises.
    """
    path = folder / COPIES_NAME
    with closing(duckdb.connect(path)) as connection:
        connection.execute(TABLES)
        for number, copy in enumerate(obtain(requests, folder, limits), 1):
            _take_over(connection, copy, number)
            if not keep:
                shutil.rmtree(copy.path.parent)
    path.chmod(0o600)
    return path


def _take_over(connection: duckdb.DuckDBPyConnection, copy: Copy, number: int) -> None:
    file = copy.path.with_name("last_logins.csv")
    with file.open("x", newline="", encoding="ascii") as lines:
        csv.writer(lines).writerows(_last_logins(copy))
    platform = copy.platform.platform
    connection.execute(LAST_LOGINS, {"platform": platform, "number": number, "file": str(file)})
    file.unlink()
    row = [platform, number, copy.content_sha256, copy.modified_at, copy.named_on]
    row += [copy.stated_taken_at, copy.obtained_at]
    connection.execute(COPY_OBTAINED, row)


def _last_logins(copy: Copy) -> Iterator[tuple[str, str]]:
    """Yield each user's latest login, in hexadecimal, with its storage class."""
    login, table = quoted(copy.platform.login_column), quoted(copy.platform.users_table)
    with opened(copy.path) as base:
        base.text_factory = bytes  # SQLite hands every text out in UTF-8, or what claims to be
        rows = base.execute(
            f"select substr({login}, 1, {LONGEST_VALUE}), typeof({login}) from {table}"  # noqa: S608
        )
        for value, storage_class in rows:
            yield (value or b"").hex(), storage_class.decode()
