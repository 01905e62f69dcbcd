"""A write-ahead log beside the datastore is replayed only if history stays whole."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ethelred_runner.wal import take_over_wal

from .conftest import content, names, query

ONE_MORE = (
    "insert into logins select * replace (ordinal + 9 as ordinal, appended_at + interval 1 hour"
    " as appended_at) from logins limit 1"
)


def leave_wal(store: Path, sql: str) -> Path:
    """Change a datastore in a program that ends without having tidied up."""
    program = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]);"
        "c.execute(\"set checkpoint_threshold = '1GB'\"); c.execute(sys.argv[2]); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, store, sql], check=True)
    wal = store.with_name(f"{store.name}.wal")
    assert wal.exists()
    return wal


def take_over(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    take_over_wal(store, folder)


def test_changes_that_another_program_left_are_taken_over(store: Path, tmp_path: Path) -> None:
    was = query(store, "select count(*) from logins")[0][0]
    leave_wal(store, "create table note (i int); insert into note values (7)")
    leave_wal(store, ONE_MORE)
    take_over(store, tmp_path)
    assert names(store.parent) == {"ethelred.duckdb"}
    assert query(store, "from note") == [(7,)]
    assert query(store, "select count(*) from logins") == [(int(str(was)) + 1,)]


@pytest.mark.parametrize("damage", ["stale", "cut", "garbage", "loss"])
def test_a_log_that_would_spoil_history_is_set_aside(
    damage: str, store: Path, tmp_path: Path
) -> None:
    if damage == "loss":
        wal = leave_wal(store, "delete from logins where ordinal = 1")
    else:
        wal = leave_wal(store, ONE_MORE)
    log = wal.read_bytes()
    if damage == "stale":  # one that has been replayed already, as beside a restored backup
        take_over(store, tmp_path)
    wal.write_bytes({"cut": log[:-9], "garbage": b"x" * 500}.get(damage, log))
    bytes_before = store.read_bytes()
    take_over(store, tmp_path)
    assert store.read_bytes() == bytes_before or damage == "cut"
    assert not wal.exists()
    aside = names(store.parent) - {"ethelred.duckdb"}
    assert all(name.startswith("ethelred.duckdb.wal.") for name in aside)
    assert len(aside) == 1 or damage in ("cut", "garbage")
    assert len(content(store)) > 8


def test_without_a_log_nothing_happens(store: Path, tmp_path: Path) -> None:
    before = store.read_bytes()
    take_over(store, tmp_path)
    assert store.read_bytes() == before
