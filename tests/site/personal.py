"""Search files for personal data: names, addresses and moments of logins."""

import gzip
import re
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import duckdb
from backports import zstd

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Any text has shorter names by chance.
SHORTEST = 6
WORD = re.compile(rb"[\w.@'+-]+")
MOMENT = re.compile(rb"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
TIME = re.compile(rb"\d\d:\d\d:\d\d\.\d{3,6}")
SECONDS = re.compile(rb"(?=(1\d{9}))")  # milliseconds and microseconds begin with the same digits
BINARY = {".arrow", ".parquet"}


class Personal:
    """The personal data of some copies, in every form that a file might have."""

    def __init__(self, copies: list[Path], logins: list[datetime]) -> None:
        """Read the people in the copies, and take the moments of their logins (naive UTC)."""
        rows = {row for copy in copies for row in people(copy)}
        texts = {text.strip().encode() for row in rows for text in row if text}
        self.names = {text for text in texts if len(text) >= SHORTEST}
        self.words = {text for text in self.names if b" " not in text}
        self.pairs = {tuple(text.split()[-2:]) for text in self.names if b" " in text}
        moments = [login.replace(tzinfo=UTC) for login in logins]
        self.moments = {str(login)[:19].encode() for login in logins}
        self.times = {login.time().isoformat()[:12].encode() for login in logins}
        self.seconds = {str(int(moment.timestamp())).encode() for moment in moments}
        self.bytes = {form for moment in moments for form in binary_forms(moment)}

    def found_in(self, path: Path) -> set[bytes]:
        """Return the personal data in a file of any format."""
        found = set()
        for content in contents_of(path):
            found |= self.found_in_text(content)
            if path.suffix in BINARY:
                found |= {name for name in self.names if name in content}
                found |= self.bytes.intersection(eights(content))
        return found

    def found_in_text(self, content: bytes) -> set[bytes]:
        """Return the personal data in a text."""
        words = [word.strip(b".'+-") for word in WORD.findall(content)]
        pairs = self.pairs.intersection(pairwise(words))
        return (
            self.words.intersection(words)
            | {b" ".join(pair) for pair in pairs}
            | self.moments.intersection(
                moment.replace(b"T", b" ") for moment in MOMENT.findall(content)
            )
            | self.times.intersection(time[:12] for time in TIME.findall(content))
            | self.seconds.intersection(SECONDS.findall(content))
        )


def eights(content: bytes) -> Iterator[bytes]:
    """Yield every eight successive bytes, from each position."""
    return (content[start : start + 8] for start in range(len(content) - 7))


def people(copy: Path) -> list[tuple[str, str, str]]:
    """Return the username, name and e-mail address of each user of a copy."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "copy.sqlite3"
        with zstd.open(copy) as packed:
            plain.write_bytes(packed.read())
        with closing(sqlite3.connect(plain)) as connection:
            query = "select username, name, email from opencodelists_user"
            return connection.execute(query).fetchall()


def binary_forms(moment: datetime) -> Iterator[bytes]:
    """Yield a moment in each format of eight bytes that programs use."""
    since = moment - EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
    for number in (microseconds, microseconds // 1000, microseconds * 1000):
        yield struct.pack("<q", number)
    for value in (microseconds / 1e6, microseconds / 1e3, microseconds // 1000, microseconds):
        yield struct.pack("<d", value)


def contents_of(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, as they are and decompressed."""
    content = path.read_bytes()
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if path.suffix == ".parquet":
        rows = duckdb.sql(f"select columns(*)::varchar from '{path}'").fetchall()
        yield "\n".join(" | ".join(map(str, row)) for row in rows).encode()
