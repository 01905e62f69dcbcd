"""Run the real dbt several times in one process, each time with other copies.

As a program it builds `ethelred.duckdb` in the working folder from each copies-N.duckdb, and keeps
the datastore after each run.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import duckdb

from ethelred_runner.append.dbt import VARIABLES
from ethelred_runner.append.retract import delete_copy, record
from ethelred_runner.obtain.last_logins import TABLES
from tests.support.simulated import Shown

PROJECT = Path(__file__).parents[2]
PARSED = PROJECT / "target" / "build"
LOGINS = """
    insert into last_logins by name select unnest(from_json($1, '[{
        "platform": "VARCHAR", "copy_number": "INTEGER", "value": "VARCHAR",
        "storage_class": "VARCHAR"
    }]'), recursive := true)
"""
OPTIONS = ["--quiet", "build", "--exclude-resource-type", "unit_test", "--no-write-json"]
OPTIONS += ["--target-path", "target/build"]  # where the parse cache is


def write_copies(path: Path, copies: Sequence[tuple[str, Shown]]) -> Path:
    """Write copies.duckdb for a run of copies with their platforms."""
    logins: list[dict[str, object]] = []
    with closing(duckdb.connect(path)) as connection:
        connection.execute(TABLES)
        connection.begin()
        for number, (platform, copy) in enumerate(copies, 1):
            connection.execute(
                "insert into copies_obtained values (?, ?, ?, ?, null, null, ?, 'sqlite')",
                [platform, number, copy.content, copy.taken_at, copy.taken_at],
            )
            key = {"platform": platform, "copy_number": number}
            logins += [key | {"value": text, "storage_class": kind} for text, kind in copy.values]
        # As one parameter: binding a value of each login takes half a minute.
        connection.execute(LOGINS, [json.dumps(logins)])
        connection.commit()
    return path


def copy_project(folder: Path) -> Path:
    """Copy the dbt project with its parse cache, so that a test may change it."""
    for part in ("models", "macros", "seeds", "tests/dbt"):
        shutil.copytree(PROJECT / part, folder / part)
    for part in ("dbt_project.yml", "profiles.yml", ".dbtignore"):
        shutil.copyfile(PROJECT / part, folder / part)
    if PARSED.is_dir():
        shutil.copytree(PARSED, folder / "target" / "build")
    return folder


def copy_project_for(folder: Path, platforms: Iterable[str]) -> Path:
    """Copy the project, with further platforms."""
    with (copy_project(folder) / "seeds" / "platforms.csv").open("a", encoding="utf-8") as seed:
        seed.writelines(f"{platform},{platform},users,last_login,,\n" for platform in platforms)
    return folder


def identifier(copy: Shown) -> str:
    """Return the identifier that a copy has in the datastore."""
    return hashlib.sha256(f"{copy.content} {copy.taken_at:%Y-%m-%d %H:%M:%S}".encode()).hexdigest()


def build_each(
    folder: Path,
    runs: Sequence[Sequence[tuple[str, Shown]]],
    retracted: Sequence[tuple[str, Shown]] = (),
) -> list[Path]:
    """Build the models from the copies of each run, and return the datastores after each.

    The last run retracts copies first.
    """
    for number, copies in enumerate(runs):
        path = write_copies(folder / f"copies-{number}.duckdb", copies)
    for platform, copy in retracted:
        row = {"platform": platform, "copy_id": identifier(copy), "taken_at": copy.taken_at}
        record(path, row, 0)
    copy_project_for(folder, sorted({platform for run in runs for platform, _ in run}))
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.dbt_runs", str(len(runs))],
        cwd=folder,
        env=VARIABLES | os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [folder / f"after-{number}.duckdb" for number in range(len(runs))]


def main(runs: int) -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    for number in range(runs):
        Path(f"copies-{number}.duckdb").replace("copies.duckdb")
        with closing(duckdb.connect("copies.duckdb", read_only=True)) as connection:
            retracted = connection.execute("select platform, copy_id from retractions").fetchall()
        for key in retracted:
            delete_copy(Path("ethelred.duckdb"), *key)
        result = dbtRunner().invoke(OPTIONS + ["--full-refresh"] * bool(retracted))
        if not result.success:
            sys.exit(f"dbt failed: {result.exception}")
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        shutil.copyfile("ethelred.duckdb", f"after-{number}.duckdb")


if __name__ == "__main__":
    main(int(sys.argv[1]))
