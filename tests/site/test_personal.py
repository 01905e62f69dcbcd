"""The site has no personal data in any byte, and the search finds data that a test plants."""

import gzip
import struct
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.site.conftest import Builds
from tests.site.personal import Personal
from tests.support.program import SAMPLES
from tests.support.truth import Night, logins_that_happened, usernames

pytestmark = pytest.mark.site

LOGIN = datetime(2026, 3, 20, 11, 30, 17, 851169)
EPOCH_MICROSECONDS = 1_774_006_217_851_169


@pytest.fixture(scope="module")
def personal(nights: list[Night]) -> Personal:
    """Read the raw and the sanitised sample copies, and every login that took place."""
    happened = logins_that_happened(SAMPLES / "opencodelists")
    logins = sorted({login for moments in happened.values() for login in moments})
    assert LOGIN in logins
    return Personal([copy for night in nights for copy in (night.raw, night.sanitised)], logins)


def test_nothing_of_a_person_is_in_any_byte_of_the_site(builds: Builds, personal: Personal) -> None:
    assert len(personal.names) > 4_000
    assert len(personal.seconds) > 5_000
    paths = [path for path in builds.samples.rglob("*") if path.is_file()]
    assert {".csv", ".html", ".js", ".json", ".parquet"} <= {one.suffix for one in paths}
    assert {str(path): found for path in paths if (found := personal.found_in(path))} == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<td>2026-03-20 11:30:17.851169</td>"),
        ("page.html", b"<time datetime='2026-03-20T11:30:17Z'>"),
        ("page.html", b"at 11:30:17.851 in the morning"),
        ("data.json", b'{"at":1774006217}'),
        ("data.json", b"[1774006217851]"),
        ("data.json", b"[1774006217851169]"),
        ("result.arrow", b"any" + struct.pack("<q", EPOCH_MICROSECONDS)),
        ("result.arrow", b"any" + struct.pack("<d", EPOCH_MICROSECONDS // 1000)),
        ("page.html.gz", gzip.compress(b"2026-03-20 11:30:17", mtime=0)),
    ],
)
def test_a_planted_login_is_found(
    tmp_path: Path, personal: Personal, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    assert personal.found_in(tmp_path / name)


@pytest.mark.parametrize("column", ["timestamp", "timestamptz", "varchar"])
def test_a_login_planted_in_compressed_parquet_is_found(
    tmp_path: Path, personal: Personal, column: str
) -> None:
    path = tmp_path / "table.parquet"
    duckdb.sql(
        f"copy (select cast('{LOGIN}' as {column}) as at from range(999))"
        f" to '{path}' (format parquet, compression zstd)"
    )
    assert personal.found_in(path)


def test_a_planted_person_is_found(tmp_path: Path, personal: Personal, nights: list[Night]) -> None:
    name = next(name for name in usernames(nights[0].raw) if len(name) >= 8)
    page, result = tmp_path / "page.html", tmp_path / "result.arrow"
    page.write_text(f"<td>{name}</td>")
    result.write_text(f"another{name}another")
    assert personal.found_in(page) == {name.encode()}
    assert name.encode() in personal.found_in(result)
