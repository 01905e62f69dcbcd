"""Local copies, what lies beside them, the private folder, the disk, and keeping copies."""

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path

import pytest

from ethelred_runner.decompress import Packing, unpack
from ethelred_runner.errors import CopyRejected, SourceError, UsageError
from ethelred_runner.keep import keep_copies
from ethelred_runner.limits import Limits
from ethelred_runner.obtain import Request, date_in, obtain
from ethelred_runner.sources import find_source
from ethelred_runner.sources.base import last_part, redacted
from ethelred_runner.workspace import private_folder

from .conftest import DAMAGED, QUICK, USERS, Obtain, compressed, make_database


def test_a_copy_knows_its_name_time_and_content(get: Obtain, big: Path) -> None:
    link = big.with_name("latest-db.sqlite3.zst")
    link.symlink_to(big.name)
    os.utime(big, ns=(0, 1774836001_846854_000))
    copy = get(link)
    assert (copy.name, copy.named_on) == ("2026-03-30-db.sqlite3.zst", date(2026, 3, 30))
    assert copy.modified_at == datetime(2026, 3, 30, 2, 0, 1, 846854, tzinfo=UTC)
    assert copy.path.stat().st_mode & 0o777 == 0o600
    assert copy.path.parent.stat().st_mode & 0o777 == 0o700
    assert "2026" not in str(copy.path.relative_to(copy.path.parent.parent))


def test_several_copies_lie_in_folders_of_their_own(folder: Path, big: Path) -> None:
    copies = obtain([Request(str(big), USERS)] * 3, folder, QUICK)
    assert len({copy.path.parent for copy in copies}) == 3


@pytest.mark.parametrize("form", ["file://{}", "file://localhost{}", "FILE://{}"])
def test_file_urls(form: str, get: Obtain, database: Path, tmp_path: Path) -> None:
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
    ],
)
def test_addresses_that_make_no_sense(address: str, words: str, get: Obtain) -> None:
    with pytest.raises(UsageError, match=words):
        get(address)


def test_what_cannot_be_opened(get: Obtain, tmp_path: Path, database: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    expected = {
        tmp_path: "this is a folder",
        tmp_path / "nothing": "there is no such file",
        tmp_path / "dangling": "there is no such file",
        tmp_path / "loop": "go round in a circle",
        tmp_path / "pipe": "not a regular file",
        database / "below": "part of this path is a file",
        Path("/dev/null"): "not a regular file",
    }
    for path, words in expected.items():
        with pytest.raises(SourceError, match=words):
            get(path)


def test_a_file_that_may_not_be_read(database: Path) -> None:
    async def open_it() -> None:
        async with find_source(str(database)).open(0, None):
            pass

    database.chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)  # root may read everything, so be nobody for a moment
    try:
        # In a thread of its own: this one may have a loop already, the browser's.
        with ThreadPoolExecutor(1) as worker, pytest.raises(SourceError, match="may not read this"):
            worker.submit(asyncio.run, open_it()).result()
    finally:
        os.seteuid(was)


def logins(path: Path) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as base:
        return int(base.execute("select count(*) from opencodelists_user").fetchone()[0])


@pytest.mark.parametrize("users", [1, 5000])
def test_a_wal_beside_a_local_copy_is_honoured(users: int, get: Obtain, database: Path) -> None:
    without = get(database)
    base = sqlite3.connect(database)
    base.execute("pragma wal_autocheckpoint = 0")
    rows = [(f"new-{number}",) for number in range(users)]
    base.executemany("insert into opencodelists_user(username) values (?)", rows)
    base.commit()
    before = {path.name: path.read_bytes() for path in database.parent.glob("*.sqlite3*")}
    copy = get(database)
    assert logins(copy.path) == logins(without.path) + users
    assert copy.content_sha256 != without.content_sha256
    assert [path.name for path in copy.path.parent.iterdir()] == ["copy.sqlite3"]
    assert {path.name: path.read_bytes() for path in database.parent.glob("*.sqlite3*")} == before
    base.close()


def test_a_journal_beside_a_local_copy_is_rolled_back(get: Obtain, tmp_path: Path) -> None:
    path = make_database(tmp_path / "db", extra="pragma journal_mode = delete")
    base = sqlite3.connect(path, isolation_level=None)
    base.executescript("pragma cache_size = 1; pragma cache_spill = 1; begin")
    base.execute("update opencodelists_user set name = 'half done, and never finished'")
    crashed = tmp_path / "crashed"
    for end in ("", "-journal"):
        shutil.copyfile(f"{path}{end}", f"{crashed}{end}")
    base.close()
    copy = get(crashed)
    with closing(sqlite3.connect(copy.path)) as folded:
        query = "select count(name) from opencodelists_user"
        assert folded.execute(query).fetchone() == (0,)


def test_a_wal_beside_a_compressed_copy_plays_no_part(get: Obtain, big: Path) -> None:
    before = get(big).content_sha256
    big.with_name(f"{big.name}-wal").write_bytes(b"whatever")
    assert get(big).content_sha256 == before


@pytest.mark.parametrize("times", [1, 3, 4])
def test_a_file_written_to_while_it_is_read_is_begun_again(
    times: int,
    get: Obtain,
    big: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = iter(range(times))

    def touching(chunks: Iterator[bytes], packing: Packing) -> Iterator[bytes]:
        first = next(chunks)
        if (number := next(left, None)) is not None:
            os.utime(big, ns=(0, number))
        return unpack(chain([first], chunks), packing)

    monkeypatch.setattr("ethelred_runner.obtain.unpack", touching)
    monkeypatch.setattr("ethelred_runner.download.AHEAD", 0)  # the reader waits for `touching`
    if times > QUICK.restarts:
        with pytest.raises(SourceError, match=r"while it was read \(begun 4 times\)"):
            get(big)
    else:
        get(big)
    assert capfd.readouterr().err.count("beginning again") == min(times, 3)


def test_a_disk_too_small_is_noticed_before_anything_is_written(
    small_disk: Path, big: Path
) -> None:
    with pytest.raises(SourceError, match=r"needs \d\.\d MB, and .* has 1.0 MB free; make room"):
        obtain([Request(str(big), USERS)], small_disk, QUICK)
    assert sum(path.stat().st_size for path in small_disk.rglob("*.sqlite3")) == 0


def test_a_disk_that_fills_up_meanwhile(
    small_disk: Path, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Somebody else's file takes the room between the check and the writing.
    monkeypatch.setattr("ethelred_runner.receive._check_room", lambda size, folder: None)
    with pytest.raises(SourceError, match="the disk is full; make room"):
        obtain([Request(str(big), USERS)], small_disk, QUICK)


# The private folder.


def test_the_folder_is_private_and_goes(tmp_path: Path) -> None:
    with private_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700
        (folder / "copy").touch()
    assert list((tmp_path / "work").iterdir()) == []


def test_a_kept_folder_stays_through_the_next_run() -> None:
    with private_folder(keep=True) as kept:
        (kept / "copy").touch()
    with private_folder():
        assert (kept / "copy").exists()


def test_a_live_runs_folder_is_left_alone() -> None:
    with private_folder() as first, private_folder() as second:
        assert first.exists()
        assert first != second


def test_no_folder_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ETHELRED_WORK", str(tmp_path / "file" / "below"))
    with pytest.raises(UsageError, match="set ETHELRED_WORK"), private_folder():
        pass


PROGRAM = """
import signal, sys, time
from pathlib import Path
from ethelred_runner.obtain import Request, obtain
from ethelred_runner.platforms import Platform
from ethelred_runner.workspace import private_folder
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
platform = Platform("opencodelists", "OpenCodelists", "opencodelists_user", "last_login")
with private_folder() as folder:
    obtain([Request(sys.argv[1], platform)], folder)
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
        [sys.executable, "-c", PROGRAM, big], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout
    assert process.stdout.readline() == b"obtained\n"
    assert len(list((tmp_path / "work").rglob("*.sqlite3"))) == 1
    process.send_signal(number)
    assert process.wait(10) in (143, -number, 130)
    process.stdout.close()
    assert len(list((tmp_path / "work").rglob("*.sqlite3"))) == left
    with private_folder() as folder:
        assert list((tmp_path / "work").iterdir()) == [folder]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_download_that_hangs_is_ended_by_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/copy"
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, url], stderr=subprocess.DEVNULL)
        with silent.accept()[0] as waiting:
            waiting.recv(4096)  # the request has arrived, and gets no answer
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(10) != 0
            assert time.monotonic() - began < 5
    assert list((tmp_path / "work").iterdir()) == []


# Keeping copies.


def test_kept_copies_have_their_own_names_and_times(get: Obtain, big: Path, tmp_path: Path) -> None:
    (kept,) = keep_copies([get(big)], tmp_path / "new" / "kept")
    assert kept.name == "2026-03-30-db.sqlite3"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_mtime_ns // 1000 == big.stat().st_mtime_ns // 1000
    assert list(kept.parent.iterdir()) == [kept]


def test_a_stated_time_becomes_the_files(get: Obtain, big: Path, tmp_path: Path) -> None:
    stated = datetime(2026, 3, 29, 1, 30, 0, 7, tzinfo=UTC)
    (kept,) = keep_copies([replace(get(big), stated_taken_at=stated)], tmp_path / "kept")
    assert get(kept).modified_at == stated


def test_another_copy_is_never_overwritten(
    get: Obtain, big: Path, database: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "kept"
    first = keep_copies([get(big)], directory)
    assert keep_copies([get(big)], directory) == first  # the same again is no other copy
    before = first[0].read_bytes()
    with pytest.raises(UsageError, match="is another copy; move it away"):
        keep_copies([get(database)], directory)
    assert first[0].read_bytes() == before
    assert list(directory.iterdir()) == first


def test_a_place_that_cannot_be_written_to(get: Obtain, big: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="can't be put there"):
        keep_copies([get(big)], tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2026-03-30-db.sqlite3.zst", date(2026, 3, 30)),
        ("sanitised-2026-03-30-db.sqlite3", date(2026, 3, 30)),
        ("2026-13-45-then-2026-02-28", date(2026, 2, 28)),
        ("12026-03-301", None),
        ("latest-db.sqlite3.zst", None),
    ],
)
def test_dates_in_names(name: str, expected: date | None) -> None:
    assert date_in(name) == expected


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
    assert last_part(path) == name


def test_addresses_are_shown_without_secrets() -> None:
    address = "https://me:secret@host:8/path?signature=secret#secret"
    assert redacted(address) == "https://host:8/path"


def test_the_limits_can_be_raised(get: Obtain) -> None:
    with pytest.raises(CopyRejected, match="raise --max-bytes"):
        get(DAMAGED / "good.sqlite3.zst", Limits(max_bytes=200_000))


def test_progress_is_told_in_lines_where_there_is_no_terminal(
    get: Obtain, big: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ethelred_runner.progress.QUIET_SECONDS", 0.0)
    get(compressed(make_database(big.with_name("x.db")), big))
    said = capfd.readouterr().err
    assert "2026-03-30-db.sqlite3.zst: " in said
    assert "(100%)" in said
    assert "obtained 2026-03-30-db.sqlite3.zst" in said
