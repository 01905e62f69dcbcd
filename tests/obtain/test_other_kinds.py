"""Dumps by real versions of pg_dump, and one column as CSV."""

import gzip
import hashlib
import random
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from ethelred_runner.errors import CopyRejected, EthelredError, SourceError
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.last_logins import obtain_logins
from ethelred_runner.obtain.platforms import Platform
from ethelred_runner.settings import PROJECT
from tests.support.copies import USERS as OPENCODELISTS

# Made of jobserver.sql there by pg_dump 15, 16 and 17, whose archives are of versions 1.14 to 1.16,
# and what a second schema adds.
DUMPS = PROJECT / "tests" / "samples" / "dumps"
JOB_SERVER = Platform("job-server", "Job Server", "jobserver_user", "last_login")
USERS, NEVER_LOGGED_IN = 250, 25
Row = tuple[str, str]


def read(path: Path, platform: Platform = JOB_SERVER) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        logins = obtain_logins([CopyRequest(str(path), platform)], Path(folder))
        assert [file.name for file in Path(folder).iterdir()] == [logins.name]
        with closing(duckdb.connect(logins)) as connection:
            return connection.execute("select value, storage_class from last_logins").fetchall()


@pytest.mark.parametrize("name", ["15-gzip", "17-gzip", "16-lz4", "17-zstd", "17-none"])
def test_each_dump_gives_its_logins(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = read(DUMPS / f"{name}.dump")
    assert len(rows) == USERS
    values = [value for value, kind in rows if kind == "text"]
    assert len(values) == USERS - NEVER_LOGGED_IN
    odd = {value for value in values if not value.startswith("2026")}
    assert {value[:6] for value in odd} == {"infini", "12026-", "0044-0"}
    with closing(duckdb.connect()) as connection:
        first = connection.execute(
            "select min(cast(value as timestamptz) at time zone 'UTC') from unnest($1) v (value)",
            [[value for value in values if value.startswith("2026")]],
        ).fetchone()
    assert first
    # The fourth user's: 4 times 37 minutes and 11.123456 seconds after midnight.
    assert str(first[0]) == "2026-03-01 02:28:44.493824"
    assert ("taken; not checked: its bytes" in capsys.readouterr().err) == ("gzip" not in name)


@pytest.mark.parametrize("name", ["15-gzip", "17-gzip", "16-lz4", "17-zstd", "17-none"])
def test_a_cut_dump_is_refused_wherever_it_is_cut(name: str, tmp_path: Path) -> None:
    whole = (DUMPS / f"{name}.dump").read_bytes()
    cut = tmp_path / "cut.dump"
    for length in (6, 300, len(whole) // 4, len(whole) // 2):
        cut.write_bytes(whole[:length])
        with pytest.raises(CopyRejected, match="cut short"):
            read(cut)


def test_gzip_or_a_checksum_beside_it_notices_each_changed_bit(tmp_path: Path) -> None:
    generator = random.Random(1)  # noqa: S311
    dump, beside = tmp_path / "backup.dump", tmp_path / "backup.dump.sha256"
    packed, plain = ((DUMPS / f"17-{name}.dump").read_bytes() for name in ("gzip", "none"))
    users = packed.rindex(b"\x78\x9c", 0, len(packed) // 2)  # zlib's header, of the larger table
    for _ in range(5):
        dump.write_bytes(flipped(packed, generator.randrange(users + 10, users + 4000)))
        with pytest.raises(CopyRejected):
            read(dump)
    place, checksum = plain.index(b"2026-03-0"), hashlib.sha256(plain).hexdigest()
    other = f"{64 * '0'}  other.dump\n"
    for form in (
        "{}  backup.dump\n",
        "SHA256 (backup.dump) = {}\n",
        "\ufeff{}\r\n",
        other + "{} *b",
    ):
        for encoding in ("utf-8", "utf-16"):
            beside.write_text(form.format(checksum.upper()), encoding=encoding)
            dump.write_bytes(flipped(plain, place + 9))
            with pytest.raises(CopyRejected, match=r"another than the \.sha256 beside it says"):
                read(dump)
            dump.write_bytes(plain)
            assert len(read(dump)) == USERS
    beside.write_text(f"<!doctype html><a id={64 * 'f'}>not found</a>")
    assert len(read(dump)) == USERS


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_only_who_is_counted_is_read(database: Path) -> None:
    dump = DUMPS / "17-gzip.dump"
    staff = replace(JOB_SERVER, count_only=("roles", "{StaffAreaAdministrator}"))
    assert len(read(dump, staff)) == USERS // 3
    assert len(read(dump, replace(JOB_SERVER, count_only=("IS_SUPERUSER", "f")))) == USERS
    one = replace(OPENCODELISTS, count_only=("username", "user-7"))
    assert read(database, one) == [("2026-03-01 10:00:07.000007", "text")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"users_table": "audit.jobserver_user"}, "no table audit.* it has: public.jobserver_user"),
        ({"users_table": "auth_user"}, "no table auth_user; .*it has: public.jobserver_user"),
        ({"login_column": "seen_at"}, "no column seen_at in .*it has: created_by_id, date_joined"),
        ({"count_only": ("is_staff", "f")}, "no column is_staff in its table jobserver_user"),
    ],
)
def test_a_row_that_does_not_fit_is_told_the_names_that_are_there(
    change: dict[str, str], said: str
) -> None:
    with pytest.raises(CopyRejected, match=said):
        read(DUMPS / "17-gzip.dump", replace(JOB_SERVER, **change))  # type: ignore[arg-type]


def test_of_two_schemas_one_has_to_be_named() -> None:
    dump = DUMPS / "two-schemas.dump"
    with pytest.raises(CopyRejected, match="name one with its schema"):
        read(dump)
    assert len(read(dump, replace(JOB_SERVER, users_table="public.jobserver_user"))) == USERS
    assert len(read(dump, replace(JOB_SERVER, users_table="audit.jobserver_user"))) == 1


def test_an_unfit_or_no_pg_restore_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = bytearray((DUMPS / "17-gzip.dump").read_bytes())
    newer[6] = 99  # the second number of its format
    (tmp_path / "newer.dump").write_bytes(newer)
    with pytest.raises(SourceError, match=r"it \(unsupported version\); name a newer one in"):
        read(tmp_path / "newer.dump")
    bare = tmp_path / "pg_restore"  # as one built without zstd says it
    said = "but this installation does not support compression (this build"
    bare.write_text(f"#!/bin/sh\n[ $LC_ALL = C ] && echo '{said} …)' >&2\nexit 1")
    bare.chmod(0o755)
    monkeypatch.setenv("ETHELRED_PG_RESTORE", str(bare))
    with pytest.raises(SourceError, match="this installation does not support compression"):
        read(DUMPS / "17-zstd.dump")
    monkeypatch.setenv("ETHELRED_PG_RESTORE", str(tmp_path / "none"))
    with pytest.raises(SourceError, match=r"can't be started .*install postgresql-client"):
        read(DUMPS / "17-gzip.dump")


COLUMN = 'last_login\n2026-03-01 10:00:00+00\n\n"2026-03-01 11:00:00.5"\n\\N\nno date\n'
LOGINS = ["2026-03-01 10:00:00+00", "2026-03-01 11:00:00.5", "no date"]


@pytest.mark.parametrize("before", ["", "\ufeff"])
def test_one_column_as_csv(before: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logins.csv").write_text(before + COLUMN, encoding="utf-8")
    rows = read(tmp_path / "logins.csv")
    assert [value for value, kind in rows if kind == "text"] == LOGINS
    assert len(rows) == 5
    assert "taken; not checked: its bytes" in capsys.readouterr().err
    (tmp_path / "logins.csv.gz").write_bytes(gzip.compress(COLUMN.encode()))
    assert read(tmp_path / "logins.csv.gz") == rows
    assert "not checked" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said", "error"),
    [
        (COLUMN[:-3], "its last line has no end", CopyRejected),
        ("last_login,username\n2026-03-01 10:00:00,eve\n", "nor CSV that begins", CopyRejected),
        ("last_login\n2026-03-01 10:00:00,eve\n", "line 2 has 2 columns", CopyRejected),
        ('"last_login\n2026-03-01\n', "is no CSV", CopyRejected),
        ('last_login\n"2026-03-01\n2026-03-02\n', "line 3 is no CSV", CopyRejected),
        ('last_login\n"' + 30_000 * "eve, \n", "is no CSV .field larger", CopyRejected),
    ],
)
def test_other_csv_is_refused(
    text: str, said: str, error: type[EthelredError], tmp_path: Path
) -> None:
    (tmp_path / "logins.csv").write_text(text)
    with pytest.raises(error, match=said) as refused:
        read(tmp_path / "logins.csv")
    assert "eve" not in str(refused.value)


def test_nobody_can_be_chosen_from_csv(tmp_path: Path) -> None:
    (tmp_path / "logins.csv").write_text(COLUMN)
    with pytest.raises(CopyRejected, match="leave it empty"):
        read(tmp_path / "logins.csv", replace(JOB_SERVER, count_only=("is_staff", "f")))
