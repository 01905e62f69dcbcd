"""A DuckLake: a catalogue in a real PostgreSQL, Parquet files in a real S3 service.

As a program it builds the models in a lake, with further options for dbt. `TABLE STATEMENT` kills
it after the first statement of that table's model that begins so.
"""

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb

from tests.support.dbt_runs import OPTIONS, PROJECT
from tests.support.postgres import postgres
from tests.support.storage import BUCKET, endpoint

EXTENSIONS = ("ducklake", "postgres_scanner", "httpfs")
SECRET = """
    create secret (
        type s3, key_id '{AWS_ACCESS_KEY_ID}', secret '{AWS_SECRET_ACCESS_KEY}',
        region '{AWS_REGION}', endpoint '{endpoint}', url_style path, use_ssl false
    )
"""


@contextmanager
def lake(port: int, home: Path) -> Iterator[dict[str, str]]:
    """Yield the environment of an empty lake whose files a port serves.

    DuckDB looks for its extensions in the home directory, so they are copied there from wheels.
    """
    with postgres() as server:
        variables: dict[str, str] = endpoint(port) | server.variables | {"HOME": str(home)}
        variables["ETHELRED_DBT_LAKE"] = f"s3://{BUCKET}/lake-{uuid.uuid4()}/"
        variables |= {"DBT_TARGET_PATH": str(home / "target"), "DBT_LOG_PATH": str(home / "logs")}
        install_extensions(home)
        yield variables


def install_extensions(home: Path) -> None:
    """Put the extensions of the wheels where DuckDB looks for them."""
    folder = home / ".duckdb" / "extensions"
    with duckdb.connect(config={"extension_directory": str(folder)}) as connection:
        for name in EXTENSIONS:
            wheel = files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
            connection.install_extension(str(wheel / f"{name}.duckdb_extension"))


def lake_connection(variables: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """Open a lake as a reader does. Its catalogue is `lake`."""
    folder = Path(variables["HOME"]) / ".duckdb" / "extensions"
    connection = duckdb.connect(config={"extension_directory": str(folder)})
    for name in EXTENSIONS:
        connection.load_extension(name)
    where = variables["AWS_ENDPOINT_URL"].partition("//")[2]
    connection.execute(SECRET.format(endpoint=where, **variables))
    place = (
        f"host={variables['PGHOST']} user={variables['PGUSER']} dbname={variables['PGDATABASE']}"
    )
    data = variables["ETHELRED_DBT_LAKE"]
    connection.execute(f"attach 'ducklake:postgres:{place}' as lake (data_path '{data}')")
    return connection


def copy_database(variables: Mapping[str, str], path: Path) -> Path:
    """Copy a lake to a file, and return its path."""
    with closing(lake_connection(variables)) as connection:
        connection.execute(f"attach '{path}' as copied")
        connection.execute("copy from database lake to copied")
    return path


def start_build(
    variables: Mapping[str, str], project: Path, copies: Path, *kill_at: str
) -> "subprocess.Popen[str]":
    """Start a build of a project's models in a lake."""
    places = {"ETHELRED_DBT_COPIES": str(copies), "PYTHONPATH": f"{PROJECT}:{PROJECT / 'scripts'}"}
    places |= {"DBT_TARGET_PATH": f"{copies}.target", "DBT_LOG_PATH": f"{copies}.logs"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.lake", *kill_at],
        cwd=project,
        env=os.environ | variables | places,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(table: str, beginning: str) -> None:
    """Have this process killed after a statement of the model of a table."""
    from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

    execute, models = getattr(DuckDBCursorWrapper, "execute"), set[str]()  # noqa: B009

    def watched(cursor: object, sql: str, bindings: object = None) -> object:
        done = execute(cursor, sql, bindings)
        models.update(re.findall(r'"model\.ethelred\.(\w+)"', sql))
        if table in models and sql.split("*/")[-1].strip().lower().startswith(beginning):
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(DuckDBCursorWrapper, "execute", watched)  # noqa: B010


def main(*arguments: str) -> None:
    from dbt.cli.main import dbtRunner

    options = [argument for argument in arguments if argument.startswith("--")]
    if arguments and not options:
        kill_after(*arguments)
    sys.exit(0 if dbtRunner().invoke([*OPTIONS, "--target", "lake", *options]).success else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
