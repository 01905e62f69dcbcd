"""Retraction: a copy's logins leave the history, and other copies are read again."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ethelred_runner.append.append import build_accepted
from ethelred_runner.append.checks import compared
from ethelred_runner.append.dbt import BuildOptions
from ethelred_runner.datastore import REQUIRED_HISTORY_TABLES, Datastore, Row, read_copies
from ethelred_runner.datastore.reasons import as_datastore_errors
from ethelred_runner.errors import UsageError
from ethelred_runner.folders import private_folder
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.last_logins import COPIES_NAME, obtain_logins

MIN_IDENTIFIER = 8  # characters
DELETE_COPY = "delete from {} where platform = $1 and copy_id = $2"
# Copies that were read again may have brought in more logins than before.
COUNT_NEW_LOGINS = """
    update copies set new_logins = (
        select count(*) from logins
        where logins.platform = copies.platform and logins.copy_id = copies.copy_id
    ) where platform = $1
"""
RETURNED = """
    select count(*)
    from earlier.logins semi join main.logins using (platform, logged_in_at, ordinal)
    where platform = $1 and copy_id = $2
"""


@dataclass(frozen=True)
class Retraction:
    """How many logins left the history, how many of them came back, and what was refused."""

    gone: int
    returned: int
    refused: Sequence[Row]
    is_dry_run: bool


def find_copy(path: Path, identifier: str, platform: str) -> Row:
    """Return the one copy whose identifier begins with `identifier`. Raises UsageError."""
    found = [
        copy
        for copy in read_copies(path)
        if copy["copy_id"].startswith(identifier) and platform in ("", copy["platform"])
    ]
    if len(identifier) < MIN_IDENTIFIER:
        raise UsageError(f"{identifier} is too short: give at least {MIN_IDENTIFIER} characters")
    if len(found) != 1:
        number = len(found) or "no"
        raise UsageError(
            f"{number} copies have an identifier that begins with {identifier}: ethelred copies "
            "lists them all"
        )
    return found[0]


def retract(
    copy: Row, requests: Sequence[CopyRequest], datastore: Datastore, *, dry_run: bool
) -> Retraction:
    """Take a copy out of the history, read the requested copies again, and count all days anew.

    Logins that the requested copies show as well come back. From then on the retracted copy is in
    grave doubt. Raises what `append` raises, and Conflict if another run has committed meanwhile.
    """
    key = [copy["platform"], copy["copy_id"]]
    with private_folder() as folder:
        with as_datastore_errors(folder.parent):
            logins = obtain_logins(requests, folder)
        action = f"retraction of {key[1][:MIN_IDENTIFIER]}"
        with datastore.checkout(init=False, action=action) as checkout:
            path = checkout.path
            earlier = shutil.copyfile(path, path.with_name("earlier.duckdb"))
            gone = delete_copy(path, *key)
            record(shutil.copyfile(logins, path.with_name(COPIES_NAME)), copy, gone)
            _, appended = build_accepted(path, BuildOptions(recount=True))
            with compared(path, earlier) as connection:
                ((returned,),) = connection.execute(RETURNED, key).fetchall()
            with as_datastore_errors(path), closing(duckdb.connect(path)) as connection:
                connection.execute(COUNT_NEW_LOGINS, key[:1])
            if dry_run:
                checkout.discard()
    return Retraction(gone, returned, appended.refused, dry_run)


def delete_copy(path: Path, platform: str, copy_id: str) -> int:
    """Delete a copy's rows from the history tables; return how many logins were among them."""
    counts = {}
    with as_datastore_errors(path), closing(duckdb.connect(path)) as connection:
        for table in REQUIRED_HISTORY_TABLES:
            deleted = connection.execute(DELETE_COPY.format(table), [platform, copy_id])
            ((counts[table],),) = deleted.fetchall()
    return int(counts["logins"])


def record(copies: Path, copy: Row, gone: int) -> None:
    """Write the retraction into copies.duckdb, where stg_retractions reads it."""
    now = datetime.now(UTC).replace(tzinfo=None)
    row = [copy["platform"], copy["copy_id"], copy["taken_at"], gone, now]
    with closing(duckdb.connect(copies)) as connection:
        connection.execute("insert into retractions values (?, ?, ?, ?, ?)", row)
