"""Ethelred reads the same last_login from copies of many producers as Django does."""

import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import django
import duckdb
import pytest
from django.conf import settings

from ethelred_runner.errors import CopyRejected
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.last_logins import obtain_logins
from tests.support.copies import USERS
from tests.support.servers import needed

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, USE_TZ=True
)
django.setup()
from django.db import connection, models  # noqa: E402 -- Django wants its settings first


class User(models.Model):  # type: ignore[misc]
    username = models.TextField(primary_key=True)
    last_login = models.DateTimeField(null=True)

    class Meta:
        app_label = "opencodelists"
        db_table = "opencodelists_user"


TIMES = [
    datetime(2026, 3, 1, 10, 0, 0, 1, UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # exact seconds have no fraction
    datetime(1999, 12, 31, 23, 59, 59, 999999, UTC),
    None,
]
MANY = 400  # so many users that each producer writes several pages


def django_database(path: Path, pragmas: str) -> list[datetime]:
    """Write users with Django's ORM, and return the logins that Django reads back."""
    connection.close()
    connection.settings_dict["NAME"] = str(path)
    with connection.cursor() as cursor:
        for pragma in filter(None, pragmas.split(";")):
            cursor.execute(f"pragma {pragma}")
    with connection.schema_editor() as editor:
        editor.create_model(User)
    User.objects.bulk_create(
        User(username=f"user-{number}", last_login=TIMES[number % len(TIMES)])
        for number in range(MANY)
    )
    found = User.objects.exclude(last_login=None).values_list("last_login", flat=True)
    return sorted(found)


# Commands that make `copy` from the database `db`, and pragmas to set before.
PRODUCERS = {
    "as it is": ("cp db copy", ""),
    "dump": ("sqlite3 db .dump | sqlite3 copy", ""),
    "backup": ('sqlite3 db ".backup copy"', ""),
    "vacuum into": ("sqlite3 db \"vacuum into 'copy'\"", ""),
    "a live WAL": ("cp db copy; cp db-wal copy-wal", "journal_mode=wal;wal_autocheckpoint=0"),
    "pages of 512": ("cp db copy", "page_size=512"),
    "pages of 65536": ("cp db copy", "page_size=65536"),
    "UTF-16le": ("(echo \"pragma encoding = 'UTF-16le';\"; sqlite3 db .dump) | sqlite3 copy", ""),
    "UTF-16be": ("(echo \"pragma encoding = 'UTF-16be';\"; sqlite3 db .dump) | sqlite3 copy", ""),
    "gzip": ("gzip -c db > copy", ""),
    "pigz": ("pigz -b 128 -c db > copy", ""),
    "zstd": ("zstd -q db -o copy", ""),
    "zstd --long=31": ("zstd -q --long=31 -c < db > copy", ""),
    "zstd -T0": ("zstd -q -T0 --rsyncable db -o copy", ""),
    "zstd --no-check": ("zstd -q --no-check db -o copy", ""),
    "zstd in frames": ("split -b 5000 db part-; zstd -qq part-*; cat part-*.zst > copy", ""),
}


@pytest.fixture(autouse=True)
def _no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Django work beside the event loop that a browser of an earlier test keeps open."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    for program in ("sqlite3", "pigz", "zstd"):
        needed(program, program)


@pytest.mark.parametrize("producer", PRODUCERS)
def test_what_django_shows_is_what_is_read(producer: str, folder: Path, tmp_path: Path) -> None:
    command, pragmas = PRODUCERS[producer]
    expected = django_database(tmp_path / "db", pragmas)
    try:
        subprocess.run(["sh", "-ec", command], cwd=tmp_path, check=True)
        logins = obtain_logins([CopyRequest(str(tmp_path / "copy"), USERS)], folder)
    finally:
        connection.close()
    with closing(duckdb.connect(logins, read_only=True)) as base:
        query = "select value from last_logins where storage_class = 'text' order by 1"
        found = [
            datetime.fromisoformat(row[0]).replace(tzinfo=UTC) for row in base.sql(query).fetchall()
        ]
    assert found == expected
    assert len(found) == MANY // 4 * 3


@pytest.mark.parametrize("form", ["cat", "gzip", "zstd -q"])
def test_a_tar_by_mistake_is_named_as_one(form: str, folder: Path, tmp_path: Path) -> None:
    django_database(tmp_path / "db", "")
    connection.close()
    subprocess.run(["sh", "-ec", f"tar -c db | {form} > copy"], cwd=tmp_path, check=True)
    with pytest.raises(CopyRejected, match="it is a tar archive; compress the database itself"):
        obtain_logins([CopyRequest(str(tmp_path / "copy"), USERS)], folder)
