"""Local copies, the files beside them, the private folder, the disk, and keeping copies."""

import itertools
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethelred_runner import console
from ethelred_runner.errors import SourceError, UsageError
from ethelred_runner.folders import private_folder
from ethelred_runner.obtain.copy_requests import CopyRequest, requests_for
from ethelred_runner.obtain.obtain import check_sources, obtain, obtain_to
from ethelred_runner.obtain.source import Source, SourceFile, find_source, label_of
from tests.support.copies import USERS, Get, make_database


def test_a_copy_knows_its_name_time_and_content(get: Get, big: Path) -> None:
    link = big.with_name("latest-db.sqlite3.zst")
    link.symlink_to(big.name)
    os.utime(big, ns=(0, 1774836001_846854_000))
    copy = get(link)
    assert copy.name == "2026-03-30-db.sqlite3.zst"
    assert copy.modified_at == datetime(2026, 3, 30, 2, 0, 1, 846854, tzinfo=UTC)
    assert copy.path.stat().st_mode & 0o777 == 0o600
    assert copy.path.parent.stat().st_mode & 0o777 == 0o700
    assert "2026" not in str(copy.path.relative_to(copy.path.parent.parent))


@pytest.mark.parametrize("form", ["file://{}", "FILE://{}"])
def test_file_urls(form: str, get: Get, database: Path, tmp_path: Path) -> None:
    odd = database.rename(tmp_path / "a copy #1 100% né.sqlite3")
    quoted = str(odd).replace("%", "%25").replace(" ", "%20").replace("#", "%23")
    assert get(form.format(quoted)).name == odd.name
    assert get(odd).name == odd.name


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("file://server/share/copy", "three slashes"),
        ("ftp://host/copy", "no source handles ftp://"),
        ("https://", "write https://host"),
        ("s3://bucket", "write s3://bucket/key"),
        ("sftp://host", "write sftp://user@host"),
        ("sftp:///path", "write sftp://user@host"),
        ("sftp://me:pa[ss@host/copy", "this sftp address makes no sense"),
        ("sftp://host:port/copy", "this sftp address makes no sense"),
        ("https://host:99999/copy", "this https address makes no sense"),
        ("/backups/copy%00", r"it has a NUL \(%00\)"),
        ("file:///backups/copy\0", r"it has a NUL \(%00\)"),
        ("sftp://host/copy%00", r"it has a NUL \(%00\)"),
    ],
)
def test_addresses_that_make_no_sense(address: str, words: str, get: Get) -> None:
    with pytest.raises(UsageError, match=words):
        get(address)


SCHEMES = ["https://", "https:/", "https:", "htps://", "htps:/", "sftp://", "sftp:/", "s3://", ""]


@given(
    scheme=st.sampled_from(SCHEMES),
    around=st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    end=st.sampled_from(["", "/copy", ":22/copy", "/copy?sig=hunter2", "/copy#hunter2", "/a@b"]),
    escaped=st.booleans(),
)
def test_no_address_shows_a_password_or_query(
    scheme: str, around: str, end: str, escaped: bool
) -> None:
    secret = quote(around, safe="") if escaped else around
    address = f"{scheme}me:{secret}hunter2{secret}@host{end}"
    assert "hunter2" not in label_of(address)
    try:
        find_source(CopyRequest(address, USERS))
    except UsageError as error:
        assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    "text", ["2026-03-22", "20260322", "2026-W12-7", "2026-03-22+00:00", "yesterday"]
)
def test_a_date_is_no_time_that_a_copy_was_taken(text: str) -> None:
    with pytest.raises(UsageError, match="is no date with a time; write it like ") as caught:
        requests_for(["copy"], "opencodelists", text)
    advice = str(caught.value).rpartition(" ")[2]
    (request,) = requests_for(["copy"], "opencodelists", advice)
    assert request.taken_at == datetime(2026, 3, 22, 5, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, -1, 253402300799])
def test_a_time_that_cannot_be_meant_is_none(seconds: int, get: Get, database: Path) -> None:
    os.utime(database, (seconds, seconds))
    assert get(database).modified_at is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "not a file"),
        ("nothing", "No such file"),
        ("loop", "symbolic links"),
        ("~nouser/copy", "No such file"),
        ("pipe", "not a file"),
        ("2026-03-30-db.sqlite3/below", "Not a directory"),
        ("secret", "Permission denied"),
    ],
)
def test_what_cannot_be_opened(name: str, words: str, tmp_path: Path, database: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    shutil.copyfile(database, tmp_path / "secret")
    (tmp_path / "secret").chmod(0)
    was = os.geteuid()
    if was == 0 and name == "secret":
        os.seteuid(65534)  # root can read everything, so the test becomes nobody
    try:
        path = name if name.startswith("~") else str(tmp_path / name)
        with pytest.raises(SourceError, match=words):
            check_sources([CopyRequest(path, USERS)])
    finally:
        os.seteuid(was)


def logins(path: Path) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
        return int(connection.execute("select count(*) from opencodelists_user").fetchone()[0])


@pytest.mark.parametrize("users", [1, 5000])
@pytest.mark.parametrize("in_use", [True, False])
def test_a_wal_beside_a_local_copy_is_honoured(
    users: int, in_use: bool, get: Get, database: Path
) -> None:
    os.utime(database, ns=(0, 10**18))
    connection = sqlite3.connect(database)
    connection.execute("pragma wal_autocheckpoint = 0")
    rows = [(f"new-{number}",) for number in range(users)]
    connection.executemany("insert into opencodelists_user(username) values (?)", rows)
    connection.commit()
    if not in_use:  # as a backup of both files leaves them
        database = shutil.copytree(database.parent, database.parent / "pair") / database.name
        database.with_name(f"{database.name}-shm").unlink()
    before = contents(database)
    copy = get(database)
    assert logins(copy.path) == 2000 + users
    assert copy.modified_at is not None
    assert copy.modified_at.year > 2001  # the newer time of the -wal (W2)
    beside = {path.name for path in copy.path.parent.iterdir()}
    assert beside == {"copy", "logins.csv", "sha256"}
    assert contents(database) == before
    connection.close()


def contents(database: Path) -> dict[str, bytes | None]:
    """Return a database and the files beside it, except the -shm, into which readers write."""
    files = database.parent.glob(f"{database.name}*")
    return {
        path.name: None if path.suffix.endswith("-shm") else path.read_bytes() for path in files
    }


def test_a_database_in_use_gives_a_state_that_was(get: Get, database: Path) -> None:
    """Each transaction adds two users, so an odd number is a state that never existed (O2)."""
    ended = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("pragma wal_autocheckpoint = 20")
            for number in itertools.count():
                if ended.is_set():
                    return
                rows = [(f"{number}-{half}", "x" * 900) for half in "ab"]
                insert = "insert into opencodelists_user(username, name) values (?, ?)"
                connection.executemany(insert, rows)
                connection.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [logins(get(database).path) for _ in range(10)]
    finally:
        ended.set()
        writer.join()
    assert [number % 2 for number in found] == [0] * 10
    assert found == sorted(found)


def test_a_journal_beside_a_local_copy_is_rolled_back(get: Get, tmp_path: Path) -> None:
    path = make_database(tmp_path / "db", extra="pragma journal_mode = delete")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("pragma cache_size = 1; pragma cache_spill = 1; begin")
    connection.execute("update opencodelists_user set name = 'half done, and never finished'")
    crashed = tmp_path / "crashed"
    for end in ("", "-journal"):
        shutil.copyfile(f"{path}{end}", f"{crashed}{end}")
    connection.close()
    copy = get(crashed)
    with closing(sqlite3.connect(copy.path)) as folded:
        query = "select count(name) from opencodelists_user"
        assert folded.execute(query).fetchone() == (0,)


@pytest.mark.parametrize("times", [1, 4, 5])
def test_a_file_written_to_while_it_is_read_is_begun_again(
    times: int,
    get: Get,
    big: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = iter(range(times))

    @contextmanager
    def touching(name: str, size: int | None) -> Iterator[console.Advance]:
        if (number := next(left, None)) is not None:
            os.utime(big, ns=(0, number))
        yield lambda count: None

    monkeypatch.setattr(console, "progress", touching)
    if times > Source.retries:
        with pytest.raises(SourceError, match=r"while it was read \(tried 5 times\)"):
            get(big)
    else:
        get(big)
    assert capfd.readouterr().err.count("trying again") == min(times, 4)


@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_disk_too_small_is_noticed_before_anything_is_written_or_when_it_is_full(
    meanwhile: bool, small_disk: Path, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if meanwhile:  # another file takes the room between the check and the writing
        monkeypatch.setattr("ethelred_runner.obtain.obtain.check_fits", lambda *_: None)
    words = "the disk is full; make room" if meanwhile else r"no room for \d\.\d MB; make room"
    with pytest.raises(SourceError, match=words):
        next(obtain([CopyRequest(str(big), USERS)], small_disk))
    assert sum(path.stat().st_size for path in small_disk.rglob("copy")) == 0


# The private folder.


def test_the_folder_is_private_and_goes(tmp_path: Path) -> None:
    work = tmp_path / "work"
    with private_folder() as folder, private_folder() as other:
        assert folder != other
        assert [path.stat().st_mode & 0o777 for path in (work, folder)] == [0o700] * 2
        (folder / "copy").touch()
    assert list(work.iterdir()) == []


OBTAIN = """
import signal, sys, time
from pathlib import Path
from ethelred_runner.obtain.obtain import obtain
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.platforms import Platform
from ethelred_runner.folders import private_folder
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
platform = Platform("opencodelists", "OpenCodelists", "opencodelists_user", "last_login")
with private_folder() as folder:
    copies = list(obtain([CopyRequest(sys.argv[1], platform)], folder))
    print("obtained", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("number", "left"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, 1)]
)
def test_nothing_is_left_behind(
    number: signal.Signals, left: int, big: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", OBTAIN, big], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout
    assert process.stdout.readline() == b"obtained\n"
    assert len(list((tmp_path / "work").rglob("copy"))) == 1
    process.send_signal(number)
    assert process.wait(30) in (143, -number, 130)
    process.stdout.close()
    assert len(list((tmp_path / "work").rglob("copy"))) == left
    with private_folder() as folder:
        assert list((tmp_path / "work").iterdir()) == [folder]


def test_a_download_that_hangs_is_ended_by_a_signal(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/copy"
        process = subprocess.Popen([sys.executable, "-c", OBTAIN, url], stderr=subprocess.DEVNULL)
        with silent.accept()[0] as waiting:
            waiting.recv(4096)  # the request has arrived, and gets no answer
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) != 0
            assert time.monotonic() - began < 5
    assert list((tmp_path / "work").iterdir()) == []


# Keeping copies.


@pytest.mark.parametrize("stated", [None, datetime(2026, 3, 29, 1, 30, 0, 7, tzinfo=UTC)])
def test_kept_copies_have_their_own_names_and_times(
    stated: datetime | None, get: Get, big: Path, tmp_path: Path
) -> None:
    path = kept(big, tmp_path / "new" / "kept", stated)
    assert path.name == "2026-03-30-db.sqlite3"
    assert path.stat().st_mode & 0o777 == 0o600
    assert get(path).modified_at == (stated or get(big).modified_at)
    assert list(path.parent.iterdir()) == [path]


def kept(path: Path, directory: Path, taken_at: datetime | None = None) -> Path:
    (kept,) = obtain_to([CopyRequest(str(path), USERS, taken_at)], directory)
    return kept


def test_another_copy_is_never_overwritten(big: Path, database: Path, tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    first = kept(big, directory)
    assert kept(big, directory) == first  # the same copy is kept once
    before = first.read_bytes()
    with pytest.raises(UsageError, match="is another copy; move it away"):
        kept(database, directory)
    assert first.read_bytes() == before
    assert list(directory.iterdir()) == [first]
    kept(big, directory, datetime(2026, 3, 29, tzinfo=UTC))
    assert first.stat().st_mtime == datetime(2026, 3, 29, tzinfo=UTC).timestamp()
    assert first.read_bytes() == before


def test_an_unknown_time_stays_unknown(big: Path, get: Get, tmp_path: Path) -> None:
    os.utime(big, ns=(0, 0))
    assert get(kept(big, tmp_path / "kept")).modified_at is None


def test_a_place_that_cannot_be_written_to(big: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="can't be put there"):
        kept(big, tmp_path / "file")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b%2F..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("/a/..", "copy"),
        ("/", "copy"),
        ("/x%0a%1b[31mred", "x[31mred"),
        ("/a%5C..%5Cb", "b"),
        ("/" + "x" * 500, "x" * 200),
    ],
)
def test_names_from_servers_are_harmless(path: str, name: str) -> None:
    assert SourceFile(unquote(path), None, None, ()).name == name
