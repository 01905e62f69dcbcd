"""The users' latest logins, extracted from each copy into one DuckDB file."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb

from ethelred_runner.errors import EthelredError, merged_error
from ethelred_runner.folders import set_access
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.obtain import obtain

COPIES_NAME = "copies.duckdb"
TABLES = """
    set timezone = 'UTC';
    create table copies_obtained (
        platform varchar, copy_number integer, content_sha256 varchar, modified_at timestamp,
        filename varchar, taken_at_override timestamp, obtained_at timestamp, kind varchar
    );
    create table last_logins
        (platform varchar, copy_number integer, value varchar, storage_class varchar);
    create table retractions (
        platform varchar, copy_id varchar, taken_at timestamp, logins bigint, retracted_at timestamp
    )
"""
# Bytes that aren't UTF-8 become null.
LAST_LOGINS = """
    insert into last_logins
    select
        $1, $2,
        case when kind <> 'null' then try(decode(unhex(coalesce(value, '')))) end, kind
    from read_csv(
        $3, auto_detect = false, quote = '', columns = {'value': 'varchar', 'kind': 'varchar'}
    )
"""


def obtain_logins(
    requests: Sequence[CopyRequest], folder: Path, failures: list[EthelredError] | None = None
) -> Path:
    """Obtain copies, and put their users' latest logins into `folder`/copies.duckdb.

    Each copy is deleted as soon as its column is extracted. The tables are `copies_obtained` (times
    in UTC), `last_logins`, and `retractions`, which is empty. A value is the stored value as SQLite
    converts it to text, or null if it isn't UTF-8. The storage class is SQLite's `typeof`; other
    kinds of copy have `text` or `null`. Copies are numbered from 1. Raises what `obtain` raises,
    and the merged `failures` if no copy was obtained.
    """
    path = folder / COPIES_NAME
    with closing(duckdb.connect(path)) as connection:
        connection.execute(TABLES)
        for number, copy in enumerate(obtain(requests, folder, failures), 1):
            key = [copy.request.platform.platform, number]
            connection.execute(LAST_LOGINS, [*key, str(copy.logins)])
            row = [*key, copy.content_sha256, copy.modified_at, copy.name]
            row += [copy.request.taken_at, copy.obtained_at, copy.kind]
            connection.execute("insert into copies_obtained values (?, ?, ?, ?, ?, ?, ?, ?)", row)
            shutil.rmtree(copy.path.parent)
    set_access(path, 0o600, like=folder)
    if failures and len(failures) == len(requests):
        raise merged_error(failures)
    return path
