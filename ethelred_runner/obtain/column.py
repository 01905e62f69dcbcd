"""A copy that is one column of logins as CSV, which any database can write."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ethelred_runner.errors import CopyRejected
from ethelred_runner.obtain.platforms import Platform, Value

KIND = "csv"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NULLS = ("", r"\N", "NULL")  # as PostgreSQL, MySQL and the mysql client write a null
UNNOTICED = "its bytes (damage to CSV is invisible; compress it with gzip, or add a .sha256 file)"


def is_header(start: bytes, platform: Platform) -> bool:
    """Return whether a file with these first bytes is a CSV file of the login column alone."""
    header = start.removeprefix(BYTE_ORDER_MARK).partition(b"\n")[0].strip(b' \r"')
    return header.decode(errors="replace").lower() == platform.login_column.lower()


def verify(path: Path, platform: Platform, *, checksummed: bool) -> tuple[set[str], set[str]]:
    """Raise CopyRejected if the last line is cut short, or if `count_only` is set.

    Return two sets: unusual findings, of which there are none, and what couldn't be checked.
    """
    if platform.count_only:
        raise CopyRejected(
            f"seeds/platforms.csv, {platform.platform}: count_only needs a second column, and "
            "this CSV has none; leave it empty, and have the platform write only the users to count"
        )
    with path.open("rb") as file:
        file.seek(-1, 2)
        if file.read() != b"\n":
            raise CopyRejected("it is cut short: its last line has no end")
    return set(), set() if checksummed else {UNNOTICED}


def values(path: Path, platform: Platform) -> Iterator[Value]:
    """Yield the bytes of each row's value, and "text" or "null".

    Raises CopyRejected if a line has more than one column, or is no valid CSV.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            next(rows)
            for row in rows:
                if len(row) > 1:
                    raise CopyRejected(
                        f"line {rows.line_num} has {len(row)} columns instead of one"
                    )
                value = "".join(row)
                is_null = value in NULLS
                yield value.encode(errors="surrogateescape"), "null" if is_null else "text"
        except csv.Error as error:
            raise CopyRejected(f"line {rows.line_num} is no CSV ({error})") from None
