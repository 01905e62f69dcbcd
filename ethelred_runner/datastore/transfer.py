"""Out and in again: the history tables as Parquet, with a manifest that vouches for them."""

import hashlib
import json
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ethelred_runner.datastore import FORMAT, connect, explained, format_of, sync
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.history import HISTORY

MANIFEST = "manifest.json"


def export(datastore: Path, directory: Path, *, csv: bool = False) -> list[Path]:
    """Write every history table into a new folder, and return the files.

    Raises UsageError if the folder is there already, DatastoreError if the disk is full.
    """
    if directory.exists():
        raise UsageError(f"{directory} is there already; name a folder that isn't")
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with explained(directory):
            partial.mkdir(mode=0o700, parents=True)
            files = write_tables(datastore, partial, csv=csv)
            partial.rename(directory)  # so that a folder of this name is always whole
            sync(directory.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return [directory / file for file in files]


def write_tables(datastore: Path, folder: Path, *, csv: bool) -> list[str]:
    """Write the tables and their manifest, and return the files' names."""
    with closing(connect(datastore)) as connection:
        tables = {table: write_table(connection, table, folder, csv=csv) for table in HISTORY}
    manifest = {
        "format": format_of(datastore),
        "exported_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "tables": tables,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return sorted(path.name for path in folder.iterdir())


def write_table(
    connection: duckdb.DuckDBPyConnection, table: str, folder: Path, *, csv: bool
) -> dict[str, Any]:
    """Write one table, and return what the manifest says of it."""
    file = folder / f"{table}.parquet"
    rows = connection.table(table)
    # DuckDB keeps the order of insertion, so the same datastore gives the same files.
    rows.write_parquet(str(file), compression="zstd")
    if csv:
        rows.write_csv(str(file.with_suffix(".csv")), header=True)
    sync(file)
    not_null = connection.execute(
        "select column_name from duckdb_columns() where table_name = ? and not is_nullable"
        " and database_name = current_database() order by column_index",
        [table],
    ).fetchall()
    return {
        "file": file.name,
        "rows": len(rows),
        "sha256": sha256_of(file),
        "not_null": [name for (name,) in not_null],
    }


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return the manifest of an export whose files are all as they were written.

    Raises UsageError if the folder holds no export, DatastoreError if a file was changed or was
    written by a newer Ethelred.
    """
    try:
        manifest: dict[str, Any] = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        files = {entry["file"]: entry["sha256"] for entry in manifest["tables"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{directory} holds no export: it has no {MANIFEST} of ethelred export"
        ) from error
    if set(manifest["tables"]) != set(HISTORY) or manifest["format"] != FORMAT:
        raise DatastoreError(
            f"{directory} was written in format {manifest['format']}, this Ethelred reads "
            f"{FORMAT}: import it with the Ethelred that wrote it, then update"
        )
    for file, sha256 in files.items():
        path = directory / Path(file).name
        if not path.is_file() or sha256_of(path) != sha256:
            raise DatastoreError(f"{path} is missing or was changed since it was exported")
    return manifest


def fill(datastore: Path, directory: Path) -> None:
    """Write the tables of an export into a new, empty DuckDB file."""
    manifest = read_manifest(directory)
    with closing(duckdb.connect(datastore)) as connection:
        for table, entry in manifest["tables"].items():
            rows = connection.read_parquet(str(directory / f"{table}.parquet"))
            if len(rows) != entry["rows"]:
                raise DatastoreError(f"{directory}: {table} has not as many rows as were exported")
            rows.create(table)
            for column in entry["not_null"]:
                name = str(column).replace('"', '""')
                connection.execute(f'alter table {table} alter "{name}" set not null')
        connection.execute("checkpoint")


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
