"""A datastore in a file: locked, replaced in one step, its versions beside it."""

import errno
import fcntl
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from ethelred_runner import console
from ethelred_runner.datastore import Conflict, file, open_datastore, versions
from ethelred_runner.errors import DatastoreError, UsageError
from tests.support.datastores import (
    SETTLED,
    append_login,
    append_to,
    execute,
    logins,
    names,
    query,
    sha256,
    version_numbers,
    write_login,
)


@contextmanager
def program(code: str, *arguments: str | Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Python in another process, from when it has printed a line, and kill it at the end."""
    command: list[str | Path] = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()
        yield process
        process.kill()


HOLD = (
    "import sys, time; from ethelred_runner.datastore import open_datastore\n"
    "with open_datastore(sys.argv[1]) as d, d.checkout(init=False): print(1, flush=True);"
    " time.sleep(60)"
)
WRITE = (
    "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); c.execute('create table note (i"
    " int)'); print(1, flush=True); time.sleep(60)"
)


def test_a_checkout_is_committed_on_leaving(store: Path) -> None:
    with open_datastore(str(store)) as datastore:
        with datastore.checkout(init=False) as checkout:
            assert not checkout.is_new
            assert checkout.path.name == "ethelred.duckdb"
            assert checkout.path.parent.parent == store.parent
            assert checkout.path.parent.stat().st_mode & 0o77 == 0
            write_login(checkout, 1)
            assert logins(store) == [0]
        assert logins(store) == [0, 1]
        assert [version.action for version in datastore.versions()] == ["build", "build"]
        assert datastore.check(init=False) == datastore.label == str(store)
    assert names(store.parent) == SETTLED
    assert query(store, "select format from datastore_format") == [(1,)]


@pytest.mark.parametrize("ending", ["an error", "discarded"])
def test_what_is_not_committed_changes_nothing(ending: str, store: Path) -> None:
    was = sha256(store)
    with (
        suppress(ZeroDivisionError),
        open_datastore(str(store)) as datastore,
        datastore.checkout(init=False) as checkout,
    ):
        write_login(checkout, 1)
        if ending == "discarded":
            checkout.discard()
        else:
            raise ZeroDivisionError
    assert sha256(store) == was
    assert version_numbers(store) == [1]
    assert names(store.parent) == SETTLED


def test_a_missing_datastore_is_no_first_run(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ethelred.duckdb"
    with open_datastore(str(path)) as datastore:
        assert not datastore.exists()
        assert datastore.versions() == []
        for call in (datastore.fetch, lambda: datastore.check(init=False)):
            with pytest.raises(DatastoreError, match="add --init"):
                call()
        with pytest.raises(DatastoreError, match="add --init"):
            append_to(datastore, 1)
        assert "will be created" in datastore.check(init=True)
        assert not datastore.exists()
        append_to(datastore, 1, init=True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_versions_are_restored_even_where_the_file_is_damaged_or_gone(store: Path) -> None:
    append_login(store, 1)
    with open_datastore(str(store)) as datastore:
        restored = datastore.restore(1)
        assert (restored.version, restored.action) == (3, "restore of version 1")
        assert logins(store) == [0]
        store.write_bytes(b"damaged" * 1000)
        with pytest.raises(DatastoreError, match="damaged, or no DuckDB file; restore an earlier"):
            datastore.fetch()
        datastore.restore(2)
        assert logins(store) == [0, 1]
        assert [version.action for version in datastore.versions()][:2] == [
            "restore of version 2",
            "found",  # even the damaged file is kept
        ]
        store.unlink()
        datastore.restore(1)
        assert logins(store) == [0]
        with pytest.raises(DatastoreError, match="no version 99"):
            datastore.restore(99)


def test_a_file_put_back_by_hand_is_kept_as_found(store: Path, tmp_path: Path) -> None:
    backup = shutil.copy(store, tmp_path / "backup")
    append_login(store, 1)
    shutil.copy(backup, store)
    append_login(store, 2)
    with open_datastore(str(store)) as datastore:
        actions = [version.action for version in datastore.versions()]
        assert actions == ["build", "found", "build", "build"]
        datastore.restore(2)
    assert logins(store) == [0, 1]


def test_a_version_that_cannot_be_kept_is_a_warning(store: Path) -> None:
    folder = store.with_name("ethelred.duckdb.versions")
    shutil.rmtree(folder)
    folder.write_text("in the way")
    warned = len(console.warned)
    append_login(store, 1)
    assert logins(store) == [0, 1]
    assert all("could not be kept" in text for text in console.warned[warned:])
    folder.unlink()
    append_login(store, 2)
    assert version_numbers(store) == [2, 1]


def test_what_a_kill_or_a_power_cut_leaves_stops_no_run(store: Path) -> None:
    """An empty file of the newest commit, and part of a content."""
    folder = store.with_name("ethelred.duckdb.versions")
    (folder / "commits" / "00000001.json").write_text("")
    (folder / "blobs" / "half.duckdb#1").write_text("half")
    append_login(store, 1)
    assert "half.duckdb#1" not in names(folder / "blobs")
    assert version_numbers(store) == [3, 2]


def test_the_number_of_versions_is_limited(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETHELRED_KEEP_VERSIONS", "2")
    monkeypatch.setattr(versions, "NEEDED_FOR", timedelta(seconds=-1))
    for ordinal in (1, 2, 3):
        append_login(store, ordinal)
    assert version_numbers(store) == [4, 3]
    monkeypatch.setenv("ETHELRED_KEEP_VERSIONS", "1")
    with pytest.raises(UsageError, match="at least 2"):
        append_login(store, 4)


def test_owner_group_and_mode_stay(store: Path) -> None:
    mode = 0o640
    store.chmod(mode)
    if os.getuid() == 0:
        os.chown(store, 1234, 4321)
        os.chown(store.parent, 1234, 4321)
    was = store.stat()
    append_login(store, 1)
    assert store.stat().st_mode & 0o777 == mode
    assert (store.stat().st_uid, store.stat().st_gid) == (was.st_uid, was.st_gid)
    for path in store.with_name("ethelred.duckdb.versions").glob("**/*"):
        assert path.stat().st_uid == was.st_uid
        assert path.stat().st_mode & 0o77 == 0


def test_a_file_system_that_knows_little(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some network shares: no locks, no owners or modes, no flushing of folders."""

    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    warned = len(console.warned)
    with monkeypatch.context() as patch:
        for name in ("os.chown", "os.chmod", "pathlib.Path.chmod", "os.fsync"):
            patch.setattr(name, unsupported)
        append_login(store, 1)
        assert console.warned[warned:] == []
        patch.setattr(fcntl, "flock", unsupported)
        append_login(store, 2)
        assert "never have two runs at once" in "".join(console.warned[warned:])
    assert logins(store) == [0, 1, 2]
    assert version_numbers(store) == [3, 2, 1]


def test_addresses(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "link.duckdb"
    link.symlink_to(store)
    append_login(link, 1)
    assert link.is_symlink()
    assert logins(store) == [0, 1]
    monkeypatch.chdir(tmp_path)
    for name in ("relative.duckdb", "a b/ü%20.duckdb", "what?.duckdb", "#1/'x\"#2.duckdb"):
        append_login(name, 1, init=True)
        append_login(name, 2)
        assert logins(tmp_path / name) == [1, 2]
        assert version_numbers(name) == [2, 1]
    for name in ("https://host/x", "~nobody-here/x", "x\0y", "what?/x.duckdb"):
        with pytest.raises(UsageError):
            append_login(name, 1, init=True)


def test_places_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x.duckdb", tmp_path / ("x" * 300), tmp_path):
        with open_datastore(str(path)) as datastore:
            for call in (datastore.fetch, lambda: append_login(path, 1, init=True)):  # noqa: B023
                with pytest.raises(DatastoreError):
                    call()


def test_a_second_run_names_the_first(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "WAIT_SECONDS", 0.2)
    with program(HOLD, store) as holder:
        with pytest.raises(DatastoreError, match=rf"another run .*process {holder.pid}\)"):
            append_login(store, 1)
        assert logins(store) == [0]  # readers aren't disturbed
    append_login(store, 1)


def test_a_program_started_by_a_killed_run_holds_the_datastore(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "WAIT_SECONDS", 0.2)
    start = "import subprocess; subprocess.Popen(['sleep', '3'], close_fds=False); print"
    with program(HOLD.replace("print", start), store) as holder:
        holder.kill()
        holder.wait()
        with pytest.raises(DatastoreError, match=f"was killed .process {holder.pid}., but the dbt"):
            append_login(store, 1)
    monkeypatch.setattr(file, "WAIT_SECONDS", 10)
    append_login(store, 1)


def test_a_datastore_that_is_open_for_writing_is_refused(store: Path) -> None:
    with program(WRITE, store) as holder, open_datastore(str(store)) as datastore:
        calls = (datastore.fetch, datastore.versions, lambda: datastore.restore(1))
        for call in (*calls, lambda: append_login(store, 1)):
            with pytest.raises(DatastoreError, match=rf"in use by another .*process {holder.pid}"):
                call()


def test_a_change_during_a_run_is_noticed(store: Path) -> None:
    with (
        pytest.raises(Conflict, match="changed by another program"),
        open_datastore(str(store)) as datastore,
        datastore.checkout(init=False) as checkout,
    ):
        write_login(checkout, 1)
        execute(store, "insert into logins select * replace (7 as ordinal) from logins")
    assert logins(store) == [0, 7]


def race(path: Path, ordinals: list[int]) -> None:
    for ordinal in ordinals:
        append_login(path, ordinal)


def test_runs_at_once_wait_for_each_other(store: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    racers = [spawn.Process(target=race, args=(store, [n, n + 1, n + 2])) for n in (10, 20, 30)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
        assert racer.exitcode == 0
    assert logins(store) == [0, 10, 11, 12, 20, 21, 22, 30, 31, 32]
    assert version_numbers(store) == list(range(10, 0, -1))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    done = (
        mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk]).returncode
    )
    if done != 0:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize("left", [0, 100_000, 400_000, 700_000])
def test_a_full_disk(left: int, small_disk: Path, store: Path) -> None:
    """No room for the copy, for what is added, for the version."""
    full = shutil.copyfile(store, small_disk / "ethelred.duckdb")
    append_login(full, 1)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - left))
    warned = len(console.warned)
    try:
        append_login(full, 2)
    except DatastoreError as error:
        assert "the disk is full at" in str(error)
        assert "make room" in str(error)
    else:
        assert "no room left" in "".join(console.warned[warned:])
        assert logins(full) == [0, 1, 2]
    filler.unlink()
    assert logins(full)[:2] == [0, 1]
    append_login(full, 3)
    assert logins(full)[-1] == 3
    assert names(small_disk) == SETTLED
    assert len(version_numbers(full)) >= 3


CHANGES = {
    "drop table datastore_format": "no datastore of Ethelred",
    "truncate datastore_format": "no datastore of Ethelred",
    "update datastore_format set format = 99": "newer Ethelred .format 99",
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_datastore_or_one_of_a_newer_ethelred_is_refused(change: str, store: Path) -> None:
    was = sha256(execute(store, change))
    with open_datastore(str(store)) as datastore:
        for call in (datastore.fetch, lambda: append_login(store, 1)):
            with pytest.raises(DatastoreError, match=CHANGES[change]):
                call()
    assert sha256(store) == was
    assert version_numbers(store) == [1]


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"x" * 9000, "cut", "flipped"])
def test_a_damaged_file_is_refused_in_plain_words(content: bytes | str, store: Path) -> None:
    whole = store.read_bytes()
    if content == "cut":
        content = whole[: len(whole) // 2]
    if content == "flipped":
        content = whole[:4100] + b"zzzz" + whole[4104:]
    assert isinstance(content, bytes)
    store.write_bytes(content)
    with pytest.raises(DatastoreError, match=f"{store} is damaged, or no DuckDB file"):
        append_login(store, 1)
    assert store.read_bytes() == content


FAILURES = {
    "the disk is full at .*make room": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "the quota is used up at": OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
    "larger than this system allows": OSError(errno.EFBIG, os.strerror(errno.EFBIG)),
    "can't work on .*: Permission denied": PermissionError(errno.EACCES, "Permission denied", "x"),
    "not enough memory": MemoryError(),
    "not enough memory to": duckdb.OutOfMemoryException("Out of Memory Error: failed to pin"),
    "disk is full": duckdb.IOException("Could not write file: No space left on device"),
    "newer DuckDB .*update": duckdb.IOException("file with version number 99, we can only read 64"),
    r"Exception\); .*--debug": duckdb.InvalidInputException("'someone@example.org' is no date"),
}


@pytest.mark.parametrize("words", FAILURES)
def test_failures_are_said_in_plain_words(words: str, store: Path) -> None:
    with (
        pytest.raises(DatastoreError, match=words) as failed,
        open_datastore(str(store)) as datastore,
        datastore.checkout(init=False),
    ):
        raise FAILURES[words]
    assert "example.org" not in str(failed.value)
    assert names(store.parent) == SETTLED


LOGIN = "insert into logins select * replace (77 as ordinal) from logins"
LEAVE_LOG = (
    "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]);"
    "c.execute(\"set checkpoint_threshold = '1GB'\"); c.execute(sys.argv[2]); os._exit(0)"
)


@pytest.mark.parametrize("kind", ["belongs", "stale", "garbage", "empty"])
def test_a_stray_log_is_refused_and_the_advice_loses_no_login(
    kind: str, store: Path, tmp_path: Path
) -> None:
    folder = store.with_name("ethelred.duckdb.versions")
    folder.rename(folder.with_name("it's.duckdb.versions"))
    store = store.rename(store.with_name("it's.duckdb"))
    subprocess.run([sys.executable, "-c", LEAVE_LOG, store, LOGIN], check=True)
    log = store.with_name("it's.duckdb.wal")
    kept = log.read_bytes()
    if kind == "stale":  # replayed before, as beside a file that was put back
        execute(store, "select 1")
        log.write_bytes(kept)
    if kind in ("garbage", "empty"):
        log.write_bytes(b"x" * 500 * (kind == "garbage"))
    was = sha256(store)
    with open_datastore(str(store)) as datastore:
        calls = (datastore.fetch, datastore.versions, lambda: datastore.restore(1))
        for call in (*calls, lambda: append_login(store, 1)):
            with pytest.raises(DatastoreError, match="lies beside the datastore") as refused:
                call()
    assert sha256(store) == was
    command = str(refused.value).partition("run again: ")[2]
    subprocess.run(shlex.split(command), check=True)
    append_login(store, 1)
    assert logins(store) == ([0, 1, 77] if kind == "stale" else [0, 1])
    assert len(list(store.parent.glob("it's.duckdb.wal.*"))) == 1
