"""A datastore in a file is locked, replaced in one step, and has its versions beside it."""

import errno
import fcntl
import os
import resource
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import duckdb
import pytest

from ethelred_runner import console
from ethelred_runner.datastore import Conflict, file, open_datastore
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.folders import private_folder
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
from tests.support.program import PROGRAM, run_ethelred
from tests.support.truth import Night

HOLD = (
    "import subprocess, sys, time; from ethelred_runner.datastore import open_datastore\n"
    "with open_datastore(sys.argv[1]) as d, d.checkout(init=False): "
    "subprocess.Popen(['sleep', '3'], close_fds=False); print(1, flush=True); time.sleep(60)"
)
WRITE = (
    "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); c.execute('create table note (i"
    " int)'); print(1, flush=True); time.sleep(60)"
)


@contextmanager
def program(code: str, *arguments: str | Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Start Python in another process, wait for a line from it, and kill it at the end."""
    command: list[str | Path] = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()
        yield process
        process.kill()


def test_a_checkout_is_committed_on_leaving(store: Path) -> None:
    with open_datastore(str(store)) as datastore:
        with datastore.checkout(init=False) as checkout:
            assert checkout.path.name == "ethelred.duckdb"
            assert checkout.path.parent.parent == store.parent
            assert checkout.path.parent.stat().st_mode & 0o77 == 0
            write_login(checkout, 1)
            assert logins(store) == [0]
        was = sha256(store)
        for is_discarded in (True, False):
            with suppress(ZeroDivisionError), datastore.checkout(init=False) as checkout:
                write_login(checkout, 2)
                if not is_discarded:
                    raise ZeroDivisionError
                checkout.discard()
        assert sha256(store) == was
        assert [version.action for version in datastore.versions()] == ["build", "build"]
        assert datastore.check(init=False) == datastore.label == str(store)
    assert logins(store) == [0, 1]
    assert names(store.parent) == SETTLED
    assert query(store, "select format from datastore_format") == [(2,)]


def test_a_missing_datastore_is_no_first_run(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ethelred.duckdb"
    with open_datastore(str(path)) as datastore:
        assert not datastore.exists()
        assert datastore.versions() == []
        calls = (datastore.readable_path, lambda: datastore.check(init=False))
        for call in (*calls, lambda: append_to(datastore, 1)):
            with pytest.raises(DatastoreError, match="add --init"):
                call()
        assert "will be created" in datastore.check(init=True)
        assert not datastore.exists()
        append_to(datastore, 1, init=True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_versions_are_restored_whatever_became_of_the_file(store: Path, tmp_path: Path) -> None:
    backup = shutil.copy(store, tmp_path / "backup")
    append_login(store, 1)
    with open_datastore(str(store)) as datastore:
        restored = datastore.restore(1)
        assert (restored.version, restored.action) == (3, "restore of version 1")
        store.write_bytes(b"damaged" * 1000)
        datastore.restore(2)
        assert logins(store) == [0, 1]
        # A damaged file is kept as a version, like one that was put back by hand.
        assert [each.action for each in datastore.versions()][:2] == [
            "restore of version 2",
            "found",
        ]
        shutil.copy(backup, store)
        append_login(store, 2)
        assert [each.action for each in datastore.versions()][:2] == ["build", "found"]
        store.unlink()
        datastore.restore(1)
        assert logins(store) == [0]
        with pytest.raises(DatastoreError, match="no version 99"):
            datastore.restore(99)


def test_a_version_that_cannot_be_kept_is_a_warning(store: Path) -> None:
    folder = store.with_name("ethelred.duckdb.versions")
    (folder / "commits" / "00000001.json").write_text("")  # what a power cut leaves
    append_login(store, 1)
    assert version_numbers(store) == [3, 2]
    shutil.rmtree(folder)
    folder.write_text("in the way")
    warned = len(console.warned)
    append_login(store, 2)
    assert logins(store) == [0, 1, 2]
    assert all("could not be kept" in text for text in console.warned[warned:])


def test_versions_that_fail_each_night_fill_no_disk(store: Path) -> None:
    folder = store.with_name("ethelred.duckdb.versions")
    (folder / "commits" / "00000002.json" / "in the way").mkdir(parents=True)
    long_ago = time.time() - 3 * 24 * 3600
    for number in (1, 2, 3):
        append_login(store, number)
        blobs = list((folder / "blobs").iterdir())
        assert len(blobs) <= 3  # of the first version, and two tries of this night
        for blob in blobs:
            os.utime(blob, (long_ago, long_ago))
    assert logins(store) == [0, 1, 2, 3]
    assert version_numbers(store) == [1]


def test_owner_group_and_mode_stay(store: Path) -> None:
    store.chmod(0o640)
    if os.getuid() == 0:
        os.chown(store, 1234, 4321)
    was = store.stat()
    append_login(store, 1)
    assert store.stat().st_mode & 0o777 == 0o640
    assert (store.stat().st_uid, store.stat().st_gid) == (was.st_uid, was.st_gid)
    for path in store.with_name("ethelred.duckdb.versions").glob("**/*"):
        assert path.stat().st_uid == was.st_uid
        assert path.stat().st_mode & 0o77 == 0
    if os.getuid() == 0:  # root's new folders get the owner of the folder above
        os.chown(store.parent, 1234, 4321)
        append_login(store.parent / "deep" / "er" / "other.duckdb", 1, init=True)
        assert {path.stat().st_uid for path in store.parent.glob("deep/**/*")} == {1234}
        assert (store.parent / "deep").stat().st_uid == 1234


def test_a_file_system_that_knows_little(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network shares have no locks, owners or modes, and can't flush folders."""
    others = store.with_name("ethelred-run-another1")
    others.mkdir()

    def unsupported(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    with monkeypatch.context() as patch:
        for name in ("os.chown", "os.chmod", "pathlib.Path.chmod", "os.fsync"):
            patch.setattr(name, unsupported)
        patch.setattr(fcntl, "flock", unsupported)
        append_login(store, 1)
        assert others.exists()  # its run may be at work
    assert logins(store) == [0, 1]
    assert version_numbers(store) == [2, 1]


HARSH = "link #1/'it's \"so\" 50%20 Zugänge -x;$y&z.v2.db"
PLACES = ("a b.duckdb", "50%20.duckdb", "ü/select.duckdb", "-x;$y&z", "temp.duckdb", "link", HARSH)


@pytest.mark.slow
@pytest.mark.parametrize("small_disk", ["90m"], indirect=True)
def test_a_place_is_never_special(
    small_disk: Path, nights: list[Night], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is relative, has an odd name, or is a link to the root of another disk."""
    monkeypatch.chdir(tmp_path)
    run = partial(run_ethelred, ETHELRED_DATASTORE=HARSH, ETHELRED_WORK_DIR=f"work/{HARSH}")
    Path(HARSH).parent.mkdir()
    for place, aim in (("link", "history"), (HARSH, "it's %41")):
        Path(place).symlink_to(small_disk / aim)
    for place in PLACES[:-1]:
        append_login(place, 1, init=True)
        with open_datastore(place) as datastore:
            datastore.restore(1)
        assert logins(place) == [1]
    run("build", nights[0].raw, "--init")
    held = query(Path(HARSH), "from logins")
    run("export", f"out/{HARSH}")
    Path(HARSH).resolve().unlink()
    run("restore", "1")
    assert query(Path(HARSH), "from logins") == held
    assert "restore of version 1" in run("versions").stdout
    assert all(Path(link).is_symlink() for link in ("link", HARSH))


def test_places_that_can_hold_no_datastore(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["https://host/x", "~nobody-here/x", "x\0y", "what?/x.duckdb", "what?.duckdb"]
    slips = ["s3:b/p", "'s3/b/p'", "S3//b/p", '"s3://b/p"', "<s3://b/p>", "arn:aws:s3:::b", "ARN:b"]
    for name in [*names, "/", "/..", "\udcff", *slips]:
        with pytest.raises(UsageError):
            append_login(name, 1, init=True)
    for name in ("~nobody-here/x", "what?/x"):
        monkeypatch.setenv("ETHELRED_WORK_DIR", name)
        with pytest.raises(UsageError, match="ETHELRED_WORK_DIR"), private_folder():
            pass
    for path in (store / "x.duckdb", tmp_path / ("x" * 300), tmp_path):
        for call in (logins, lambda path: append_login(path, 1, init=True)):
            with pytest.raises(DatastoreError) as refused:
                call(path)
    assert "name a file in it" in str(refused.value)


@pytest.mark.slow
def test_runs_at_once_append_or_say_that_the_datastore_is_in_use(
    nights: list[Night], tmp_path: Path
) -> None:
    """At the start there is neither a work folder nor a datastore."""
    place, work = tmp_path / "new" / "ethelred.duckdb", {"ETHELRED_WORK_DIR": f"{tmp_path}/work"}
    command: list[str | Path] = [PROGRAM, "build", "--init", "--datastore", place]
    runs = [
        subprocess.Popen(
            [*command, night.raw], env=os.environ | work, stderr=subprocess.PIPE, text=True
        )
        for night in nights[:2]
    ]
    ends = [(run.communicate()[1], run.returncode) for run in runs]
    assert {code for _, code in ends} <= {0, 5}, ends
    assert all("is at work on" in said for said, code in ends if code), ends
    appended = sum(not code for _, code in ends)
    assert query(place, "select count(*) from copies") == [(appended,)]


def test_a_run_and_what_it_started_hold_the_datastore(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dbt of a killed run goes on working."""
    monkeypatch.setattr(file, "WAIT_SECONDS", 0.1)
    with program(HOLD, store) as holder:
        for _ in range(2):
            with pytest.raises(DatastoreError, match=rf"another run.*process {holder.pid}\)"):
                append_login(store, 1)
            assert logins(store) == [0]  # readers aren't disturbed
            holder.kill()
            holder.wait()
    monkeypatch.setattr(file, "WAIT_SECONDS", 20)
    append_login(store, 1)
    assert names(store.parent) == SETTLED


def test_what_other_programs_do_to_the_file_is_noticed(store: Path) -> None:
    with open_datastore(str(store)) as datastore:
        with program(WRITE, store) as holder:
            calls = (datastore.readable_path, datastore.versions, lambda: datastore.restore(1))
            for call in (*calls, lambda: append_login(store, 1)):
                with pytest.raises(DatastoreError, match=rf"in use by .*PID {holder.pid}"):
                    call()
        store.with_name("ethelred.duckdb.wal").unlink()
        with pytest.raises(Conflict), datastore.checkout(init=False) as checkout:
            write_login(checkout, 1)
            execute(store, "insert into logins select * replace (7 as ordinal) from logins")
    assert logins(store) == [0, 7]


@pytest.mark.parametrize("small_disk", ["6m"], indirect=True)
@pytest.mark.parametrize("left", [0, 100_000, 400_000, 700_000])
def test_a_full_disk(left: int, small_disk: Path, store: Path) -> None:
    """There is no room for the copy, for the new rows, or for the version."""
    full = shutil.copyfile(store, small_disk / "ethelred.duckdb")
    append_login(full, 1)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - left))
    warned = len(console.warned)
    try:
        append_login(full, 2)
    except DatastoreError as error:
        assert "there is no room left" in str(error)
    else:
        assert "there is no room left" in "".join(console.warned[warned:])
        assert logins(full) == [0, 1, 2]
    filler.unlink()
    assert logins(full)[:2] == [0, 1]
    append_login(full, 3)
    assert logins(full)[-1] == 3
    assert names(small_disk) == SETTLED


@pytest.mark.parametrize("small_disk", ["9m,nr_inodes=40"], indirect=True)
@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_disk_that_takes_no_further_file(left: int, small_disk: Path, store: Path) -> None:
    """The message names the limit, and deleting files helps."""
    full = shutil.copyfile(store, small_disk / "ethelred.duckdb")
    append_login(full, 1)
    for number in range(os.statvfs(small_disk).f_favail - left):
        (small_disk / f"filler-{number}").touch()
    warned = len(console.warned)
    said = ""
    try:
        append_login(full, 2)
    except (DatastoreError, UsageError) as error:
        said = str(error)
    assert "for no further file (df -i)" in said + "".join(console.warned[warned:])
    for filler in small_disk.glob("filler-*"):
        filler.unlink()
    append_login(full, 3)
    assert logins(full)[-1] == 3
    assert names(small_disk) == SETTLED


def test_a_limit_of_the_size_of_files(store: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DatastoreError, match=r"raise that limit \(ulimit -f\)"):
            append_login(store, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    append_login(store, 1)
    assert logins(store) == [0, 1]


REFUSED = {
    "drop table datastore_format": "no datastore of Ethelred",
    "truncate datastore_format": "newer Ethelred",
    "update datastore_format set format = 99": "newer Ethelred .format 99",
    "update datastore_format set format = 1": "older Ethelred .format 1",
    b"": "damaged, or no DuckDB file; restore an earlier",
    b"not a database at all": "damaged",
    b"x" * 9000: "damaged",
    5000: "damaged",  # cut there
    4100: "damaged",  # and another there
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_is_no_sound_datastore_is_refused(change: str | bytes | int, store: Path) -> None:
    if isinstance(change, str):
        execute(store, change)
    elif isinstance(change, bytes):
        store.write_bytes(change)
    else:
        rest = store.read_bytes()[4104:] if change == 4100 else b""
        store.write_bytes(store.read_bytes()[:change] + b"zzzz" + rest)
    was = sha256(store)
    for call in (logins, lambda path: append_login(path, 1)):
        with pytest.raises(DatastoreError, match=f"^{store}.*{REFUSED[change]}"):
            call(store)
    assert sha256(store) == was
    assert version_numbers(store) == [1]


FAILURES = {
    "no room left; make room": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "quota is used up": OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
    r"files are open; raise .*ulimit -n": OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    "check its permissions": PermissionError(errno.EACCES, "Permission denied", "x"),
    "not enough memory": MemoryError(),
    "not enough memory;": duckdb.OutOfMemoryException("Out of Memory Error: failed to pin"),
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
def test_a_stray_log_is_refused_and_the_advice_loses_no_login(kind: str, tmp_path: Path) -> None:
    store = tmp_path / "it's.duckdb"
    append_login(store, 0, init=True)
    subprocess.run([sys.executable, "-c", LEAVE_LOG, store, LOGIN], check=True)
    log = store.with_name("it's.duckdb.wal")
    kept = log.read_bytes()
    if kind == "stale":  # a log of an older file, as beside one that was put back
        execute(store, "select 1")
        log.write_bytes(kept)
    if kind in ("garbage", "empty"):
        log.write_bytes(b"x" * 500 * (kind == "garbage"))
    was = sha256(store)
    with open_datastore(str(store)) as datastore:
        calls = (datastore.readable_path, datastore.versions, lambda: datastore.restore(1))
        for call in (*calls, lambda: append_login(store, 1)):
            with pytest.raises(DatastoreError, match="lies beside the datastore") as refused:
                call()
    assert sha256(store) == was
    subprocess.run(shlex.split(str(refused.value).partition("run again: ")[2]), check=True)
    append_login(store, 1)
    assert logins(store) == ([0, 1, 77] if kind == "stale" else [0, 1])
    assert len(list(store.parent.glob("it's.duckdb.wal.*"))) == 1
