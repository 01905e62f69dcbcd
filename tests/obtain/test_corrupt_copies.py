"""Corrupt copies are refused, and odd but sound ones are taken."""

import csv
import gzip
import random
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from backports import zstd

from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.last_logins import obtain_logins
from ethelred_runner.obtain.platforms import Platform
from tests.support.copies import DAMAGED, USERS, Get, compressed, make_database

EXPECTED = {
    "truncated-half.sqlite3.zst": "cut short: its zstd data ends too early",
    "flipped-bytes.sqlite3.zst": "zstd data is damaged",
    "corrupt-user-leaf.sqlite3.zst": "table opencodelists_user is damaged",
    "no-last-login-column.sqlite3.zst": "no column last_login in its table .*it has: .*username",
    "renamed-table.sqlite3.zst": "no table opencodelists_user; .*OpenCodelists.*accounts_user",
    "empty-file.sqlite3.zst": "empty",
    "html-error-page.sqlite3.zst": "web page",
}


def samples() -> list[str]:
    with (DAMAGED / "manifest.csv").open(newline="") as lines:
        return [row["file"] for row in csv.DictReader(lines)]


@pytest.mark.parametrize("name", samples())
def test_each_sample(name: str, get: Get) -> None:
    if name not in EXPECTED:
        assert get(DAMAGED / name).path.stat().st_mode & 0o777 == 0o600
        return
    with pytest.raises(CopyRejected, match=EXPECTED[name]) as caught:
        get(DAMAGED / name)
    assert str(caught.value).startswith(f"{DAMAGED / name}: ")
    assert len(str(caught.value).splitlines()) == 1
    assert "; " in str(caught.value)  # what to do
    assert caught.value.exit_code == 4


CUTS = [1, 3, 4, 5, 6, 15, 17, 99, 100, 101, 5000, 100_000, -1000, -5, -4, -3, -1]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", ["good.sqlite3", "good.sqlite3.gz", "good.sqlite3.zst"])
def test_cut_anywhere(name: str, cut: int, get: Get, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes((DAMAGED / name).read_bytes()[:cut])
    with pytest.raises(
        CopyRejected, match=r"(cut short|not a SQLite database|zstd data is damaged).*; "
    ):
        get(short)


@pytest.mark.parametrize("name", ["good.sqlite3.gz", "good.sqlite3.zst"])
@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_bit_anywhere(name: str, seed: int, get: Get, tmp_path: Path) -> None:
    content = bytearray((DAMAGED / name).read_bytes())
    at = random.Random(seed).randrange(20, len(content))  # noqa: S311
    content[at] ^= 1 << seed
    flipped = tmp_path / "flipped"
    flipped.write_bytes(content)
    with pytest.raises(CopyRejected):
        get(flipped)


NO_COPIES = {
    "text": b"x" * 5000,
    "zip": b"PK\x03\x04" + bytes(5000),
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "HTML": b"\xef\xbb\xbf \n<!doctype html>",
    "a link as text": b"2026-03-30-db.sqlite3.zst",
    "zeros behind the first bytes": b"SQLite format 3\0" + bytes(5000),
    "ones behind the first bytes": b"SQLite format 3\0" + b"\xff" * 5000,
    "zstd twice": zstd.compress(zstd.compress(b"SQLite format 3\0" + bytes(5000))),
    "gzip in zstd": zstd.compress(gzip.compress(b"SQLite format 3\0" + bytes(5000))),
    "nothing in zstd": zstd.compress(b""),
    "nothing in gzip": gzip.compress(b""),
    "a skippable frame alone": b"\x50\x2a\x4d\x18\x04\0\0\0abcd",
    "a skippable frame cut short": b"\x50\x2a\x4d\x18\xff\xff\xff\xffabcd",
    "four bytes of zstd": b"\x28\xb5\x2f\xfd",
}


@pytest.mark.parametrize("kind", NO_COPIES)
def test_what_is_no_copy(kind: str, get: Get, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(NO_COPIES[kind])
    with pytest.raises(CopyRejected, match=f"^{file}: [^\n]*$"):
        get(file)


@pytest.mark.parametrize(("by", "words"), [(-1, "goes on after"), (1, "cut short")])
def test_a_wrong_page_count(by: int, words: str, get: Get, database: Path) -> None:
    content = bytearray(database.read_bytes())
    pages = int.from_bytes(content[28:32]) + by
    content[28:32] = pages.to_bytes(4)
    database.write_bytes(content)
    with pytest.raises(CopyRejected, match=words):
        get(database)


@pytest.mark.parametrize("name", ["good.sqlite3", "good.sqlite3.zst", "good.sqlite3.gz"])
def test_something_after_the_end(name: str, get: Get, tmp_path: Path) -> None:
    file = tmp_path / "file"
    content = (DAMAGED / name).read_bytes()
    for tail in (b"\1", b"garbage", content):
        file.write_bytes(content + tail)
        with pytest.raises(CopyRejected, match=r"goes on after|data is damaged|cut short"):
            get(file)


# Sound copies that look odd.


def test_many_frames_some_empty_some_skippable(get: Get, database: Path, tmp_path: Path) -> None:
    content, file = database.read_bytes(), tmp_path / "frames.zst"
    parts = [zstd.compress(content[at : at + 7000]) for at in range(0, len(content), 7000)]
    frames = [b"\x5f\x2a\x4d\x18\x03\0\0\0abc", zstd.compress(b""), *parts, zstd.compress(b"")]
    file.write_bytes(b"".join([*frames, b"\x50\x2a\x4d\x18\0\0\0\0"]))
    assert get(file).content_sha256 == get(database).content_sha256


def test_a_long_window(get: Get, database: Path, tmp_path: Path) -> None:
    file = tmp_path / "file.zst"
    # In parts, so that the compressor can't know that the content is smaller than the window.
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 31})
    file.write_bytes(compressor.compress(database.read_bytes()) + compressor.flush())
    assert get(file).content_sha256 == get(database).content_sha256


@pytest.mark.parametrize(
    "change",
    [
        "alter table opencodelists_user add column colour text default 'red'",
        "alter table opencodelists_user add column shout text as (upper(username))",
        "create index latest on opencodelists_user(last_login)",
        "create trigger t after insert on opencodelists_user begin select 1; end",
        "alter table opencodelists_user rename to moved;"
        "alter table moved rename to OpenCodelists_USER;"
        "alter table OpenCodelists_USER rename column last_login to Last_Login",
        "drop table opencodelists_user;"
        "create table opencodelists_user(username primary key, last_login) without rowid;"
        "insert into opencodelists_user values ('a', '2026-03-01 10:00:00')",
        "update opencodelists_user set last_login = cast(x'ff00fe' as text)",
        "update opencodelists_user set last_login = zeroblob(100000) where rowid < 5",
        "drop table opencodelists_user;"
        "create table opencodelists_user(at int, last_login text as (datetime(at, 'unixepoch'))) "
        "strict; insert into opencodelists_user(at) values (1772359200), (null)",
        "delete from opencodelists_user",
        "pragma auto_vacuum = full; vacuum",
    ],
)
def test_schemas_that_differ_where_it_does_not_matter(
    change: str, folder: Path, tmp_path: Path
) -> None:
    path = make_database(tmp_path / "db", extra=change)
    with closing(sqlite3.connect(path)) as connection:
        (users,) = connection.execute("select count(*) from opencodelists_user").fetchone()
    assert len(logins_of(path, folder)) == users


NEWER_SQL = [
    "create view {} as select username is distinct from 'a' as it from opencodelists_user",
    "create trigger {} after insert on opencodelists_user begin select 1_000; end",
    "create view {} as select something that no SQLite knows yet",
]


@pytest.mark.parametrize("sql", NEWER_SQL)
def test_sql_that_this_sqlite_does_not_know(sql: str, folder: Path, tmp_path: Path) -> None:
    kind = sql.split()[1]
    row = (kind, "newer", "opencodelists_user", 0, sql.format("newer"))
    path = make_database(tmp_path / "db", users=20)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma writable_schema = on")
        connection.execute("insert into sqlite_schema values (?, ?, ?, ?, ?)", row)
        connection.commit()
        connection.execute("pragma wal_checkpoint(truncate)")
    assert len(logins_of(path, folder)) == 20


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_values_come_as_they_are_in_any_encoding(
    encoding: str, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "db"
    values = "('2026-03-01 10:00:00.000001'), ('naïve \n,\"é'), (null), (''), (17), (2.5)"
    values += ", (x'00ff'), (cast(x'c3' as text)), ('" + "x" * 100 + "')"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"pragma encoding = '{encoding}'; create table opencodelists_user(last_login);"
            f"insert into opencodelists_user values {values}"
        )
    rows = logins_of(path, folder)
    broken = rows.pop(7)  # half a character, which is no text
    assert broken[1] == "text"
    assert rows == [
        ("2026-03-01 10:00:00.000001", "text"),
        ('naïve \n,"é', "text"),
        (None, "null"),
        ("", "text"),
        ("17", "integer"),
        ("2.5", "real"),
        (None, "blob"),
        ("x" * 64, "text"),
    ]


def logins_of(path: Path, folder: Path, platform: Platform = USERS) -> list[tuple[str | None, str]]:
    """Return what `obtain_logins` takes out of one copy, and check that the copy is deleted."""
    copies = obtain_logins([CopyRequest(str(path), platform)], folder)
    assert list(folder.iterdir()) == [copies]
    with closing(duckdb.connect(copies, read_only=True)) as connection:
        assert connection.sql("select count(*) from copies_obtained").fetchone() == (1,)
        return connection.sql("select value, storage_class from last_logins").fetchall()


# Functions and collations that readers of a copy may lack, in the users' table and in another.
ODD = {
    "a null": "pragma writable_schema = on; update sqlite_schema set sql ="
    " replace(sql, 'name, email', 'name not null, email') where name = 'opencodelists_user'",
    "a wrong type": "create table other(x int); insert into other values ('a');"
    " pragma writable_schema = on; update sqlite_schema set sql = sql || ' strict'"
    " where name = 'other'",
    "a collation": "create index odd on opencodelists_user(username collate own)",
    "a function": "create index odd on opencodelists_user(own(username))",
    "a function of a column": "alter table opencodelists_user"
    " add column odd text as (own(username))",
    "a collation elsewhere": "create table other(x collate own primary key) without rowid;"
    " insert into other values ('a'), ('B')",
    "a function elsewhere": "create table other(x); insert into other values ('a');"
    " create index odd on other(own(x))",
}


def make_odd(path: Path, sql: str) -> Path:
    with closing(sqlite3.connect(make_database(path))) as connection:
        connection.create_function("own", 1, str, deterministic=True)
        connection.create_collation("own", lambda one, other: (one.lower() > other.lower()) * 2 - 1)
        connection.executescript(sql)
        connection.execute("pragma wal_checkpoint(truncate)")
    return path


@pytest.mark.parametrize("form", ["plain", "zstd"])
@pytest.mark.parametrize("oddity", ODD)
def test_unusual_is_a_note_unchecked_is_a_warning_and_neither_is_damage(
    oddity: str, form: str, get: Get, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = make_odd(tmp_path / "db", ODD[oddity])
    path = path if form == "plain" else compressed(path, tmp_path / "db.zst")
    assert get(path).content_sha256
    shown = capfd.readouterr().err
    if oddity == "a null":
        assert "unusual, but no damage: NULL value in opencodelists_user.name" in shown
    elif oddity == "a wrong type":
        assert ("unusual, but no damage: non-INT value in other.x" in shown) == (form == "plain")
    elif "elsewhere" not in oddity or form == "plain":
        assert re.search("warning: .*not checked: its indexes .*own", shown)


@pytest.mark.parametrize(("only", "users"), [(None, ["1", "2", None]), (("username", "b"), ["2"])])
def test_logins_are_read_whatever_collation_the_primary_key_has(
    only: tuple[str, str] | None, users: list[str | None], folder: Path, tmp_path: Path
) -> None:
    path = make_odd(
        tmp_path / "db",
        "drop table opencodelists_user; create table opencodelists_user(username text collate own"
        " primary key, last_login) without rowid;"
        " insert into opencodelists_user values ('C', null), ('b', '2'), ('A', '1')",
    )
    platform = replace(USERS, count_only=only)
    assert [value for value, _ in logins_of(path, folder, platform)] == users


def test_a_definition_of_a_newer_sqlite_is_named(get: Get, tmp_path: Path) -> None:
    newer = "pragma writable_schema = on; update sqlite_schema set sql ="
    newer += " replace(sql, 'is_admin)', 'is_admin, check(1_000))')"
    path = make_odd(tmp_path / "db", f"{newer} where name = 'opencodelists_user'")
    with pytest.raises(CopyRejected, match="definition of its table opencodelists_user; run with"):
        get(path)


@pytest.mark.parametrize("oddity", ["a collation", "a function"])
def test_damage_is_found_where_indexes_cannot_be_checked(
    oddity: str, get: Get, tmp_path: Path
) -> None:
    path = make_odd(tmp_path / "db", ODD[oddity])
    content = bytearray(path.read_bytes())
    content[5 * 1024 : 6 * 1024] = b"\x55" * 1024
    path.write_bytes(content)
    with pytest.raises(CopyRejected, match="is damaged"):
        get(compressed(path, tmp_path / "db.zst"))


def test_a_change_in_an_index_is_found_without_a_checksum(get: Get, tmp_path: Path) -> None:
    extra = "create table other(x); insert into other values ('needle'); create index i on other(x)"
    path = make_database(tmp_path / "db", extra=extra)
    table, _, index = path.read_bytes().rpartition(b"needle")
    path.write_bytes(table + b"noodle" + index)
    with pytest.raises(CopyRejected, match="the database is damaged"):
        get(path)


def test_a_dictionary_is_no_damage_but_cannot_be_read(
    get: Get, database: Path, tmp_path: Path
) -> None:
    dictionary = zstd.train_dict([b"user-%d" % number * 20 for number in range(2000)], 4096)
    file = tmp_path / "file.zst"
    file.write_bytes(zstd.compress(database.read_bytes(), zstd_dict=dictionary))
    with pytest.raises(CopyRejected, match="it needs a zstd dictionary; compress it without one"):
        get(file)


def test_pages_kept_in_advance_are_refused_with_advice(get: Get, database: Path) -> None:
    database.write_bytes(database.read_bytes() + bytes(8192))
    with pytest.raises(CopyRejected, match=r"goes on after its end.*; VACUUM INTO writes a copy"):
        get(database)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("create view opencodelists_user as select * from moved", "no table"),
        ("create virtual table opencodelists_user using fts5(last_login)", "no table"),
        ("create index opencodelists_user on moved(username)", "no table"),
        ("create table opencodelists_user(last_log_in)", "it has no column last_login in its"),
    ],
)
def test_schemas_that_do_not_fit(change: str, words: str, get: Get, tmp_path: Path) -> None:
    rename = "alter table opencodelists_user rename to moved;"
    with pytest.raises(CopyRejected, match=words):
        get(make_database(tmp_path / "db", extra=rename + change))


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_page_of_users_is_found_even_with_a_checksum(
    seed: int, get: Get, database: Path, tmp_path: Path
) -> None:
    # All pages except the first belong to the users' table or its index.
    content, generator = bytearray(database.read_bytes()), random.Random(seed)  # noqa: S311
    page = generator.randrange(1, len(content) // 1024)
    content[page * 1024 : (page + 1) * 1024] = generator.randbytes(1024)
    database.write_bytes(content)
    with pytest.raises(CopyRejected, match=r"user is damaged|SQLite can't read"):
        get(compressed(database, tmp_path / "file.zst"))


@pytest.mark.parametrize("form", ["plain", "zstd", "zstd without checksum"])
def test_damage_elsewhere_is_accepted_only_where_a_checksum_vouches_for_the_bytes(
    form: str, get: Get, tmp_path: Path
) -> None:
    extra = "create table other(x); insert into other values (randomblob(300));"
    path = make_database(tmp_path / "db", extra=extra)
    path.write_bytes(path.read_bytes()[:-1024] + b"\x55" * 1024)  # its page is the last
    if form != "plain":
        path = compressed(path, tmp_path / "f.zst", checksum_flag=int(form == "zstd"))
    if form == "zstd":
        assert get(path).content_sha256
        return
    with pytest.raises(CopyRejected, match="the database is damaged") as caught:
        get(path)
    assert "user-" not in str(caught.value)


def test_a_bomb_is_stopped_early(get: Get, database: Path, tmp_path: Path, folder: Path) -> None:
    bomb = tmp_path / "bomb.zst"
    bomb.write_bytes(zstd.compress(database.read_bytes() + bytes(200 * 2**20)))
    with pytest.raises(CopyRejected, match="goes on after"):
        get(bomb)
    assert sum(file.stat().st_size for file in folder.rglob("copy")) <= 2**20


def test_a_copy_for_which_the_disk_has_no_room(get: Get, database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[28:32] = (2**32 - 1).to_bytes(4)  # 4 TB in pages of 1,024 bytes
    database.write_bytes(zstd.compress(content))
    with pytest.raises(SourceError, match=r"no room for 4.4 TB; make room, or set ETHELRED"):
        get(database)


def test_a_platform_with_a_strange_table_name(tmp_path: Path, get: Get) -> None:
    rename = 'alter table opencodelists_user rename to "odd ""name"" (1)"'
    path = make_database(tmp_path / "db", extra=rename)
    get(path, platform=Platform("x", "X", 'odd "name" (1)', "last_login"))


def test_only_the_login_column_is_asked_for(
    get: Get, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[tuple[str | None, str | None]] = set()
    connect = sqlite3.connect

    def note(action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ:
            read.add((table, column))
        return sqlite3.SQLITE_OK

    def watched(*args: object, **options: object) -> sqlite3.Connection:
        connection = connect(*args, **options)  # type: ignore[call-overload]
        connection.set_authorizer(note)
        return connection  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3, "connect", watched)
    get(database)
    assert {column for table, column in read if table == "opencodelists_user"} == {"last_login"}
