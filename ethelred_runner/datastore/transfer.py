"""Export and import: the history tables as Parquet files, with a manifest of their SHA-256."""

import json
import os
from contextlib import closing
from pathlib import Path

import duckdb

from ethelred_runner.datastore.database import (
    FORMAT,
    OPTIONAL_HISTORY_TABLES,
    REQUIRED_HISTORY_TABLES,
    connect,
)
from ethelred_runner.datastore.reasons import as_datastore_errors
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.folders import private_folder, sha256_of

MANIFEST = "manifest.json"


def export_history(datastore: Path, directory: Path) -> list[Path]:
    """Write every history table into a new folder, and return the files.

    Raises UsageError if the folder exists, DatastoreError if the disk is full.
    """
    if os.path.lexists(directory):
        raise UsageError(f"{directory} is there already; name a new folder")
    with (
        as_datastore_errors(directory),
        closing(connect(datastore)) as connection,
        private_folder(inside=directory.parent) as partial,
    ):
        tables = {}
        held = {
            name
            for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
        }
        for table in (*REQUIRED_HISTORY_TABLES, *(held & set(OPTIONAL_HISTORY_TABLES))):
            file = partial / f"{table}.parquet"
            # DuckDB keeps the order of insertion, so the same datastore gives the same files.
            connection.table(table).write_parquet(str(file), compression="zstd")
            tables[table] = {"sha256": sha256_of(file)}
        manifest = json.dumps({"format": FORMAT, "tables": tables}, indent=1)
        (partial / MANIFEST).write_text(manifest, encoding="utf-8")
        partial.rename(directory)  # atomic: a folder with this name is complete
    return sorted(directory.iterdir())


def import_history(directory: Path, path: Path) -> None:
    """Fill the empty history tables of a datastore with those of an export.

    Columns that an older export lacks stay null.
    """
    with as_datastore_errors(path), closing(duckdb.connect(path)) as connection:
        for table in (*REQUIRED_HISTORY_TABLES, *OPTIONAL_HISTORY_TABLES):
            file = directory / f"{table}.parquet"
            if file.exists():  # refuse_damaged has checked the required ones
                connection.execute(
                    f"insert into {table} by name from read_parquet($1)", [str(file)]
                )


def refuse_damaged(directory: Path) -> None:
    """Raise an error unless a folder has an unchanged export.

    Raises UsageError if the folder holds no export, DatastoreError if a file was changed or the
    format is different.
    """
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        found, listed = manifest["format"], manifest["tables"]
        wanted = (*REQUIRED_HISTORY_TABLES, *(listed.keys() & set(OPTIONAL_HISTORY_TABLES)))
        tables = {table: listed[table] for table in wanted}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{directory} holds no export: it has no {MANIFEST} of ethelred export"
        ) from error
    if found != FORMAT:
        raise DatastoreError(
            f"{directory} was written in format {found}, this Ethelred reads {FORMAT}: import it "
            "with the Ethelred that wrote it, then update"
        )
    for table, entry in tables.items():
        path = directory / f"{table}.parquet"
        if not path.is_file() or sha256_of(path) != entry["sha256"]:
            raise DatastoreError(f"{path} is missing or was changed since it was exported")
