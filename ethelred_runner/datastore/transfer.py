"""Out and in again: the history tables as Parquet, with a manifest that vouches for them."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from ethelred_runner.datastore.database import FORMAT, HISTORY, connect
from ethelred_runner.datastore.reasons import explained
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.folders import private_folder, sha256_of

MANIFEST = "manifest.json"


def export_history(datastore: Path, directory: Path) -> list[Path]:
    """Write every history table into a new folder, and return the files.

    Raises UsageError if the folder is there already, DatastoreError if the disk is full.
    """
    if directory.exists():
        raise UsageError(f"{directory} is there already; name a folder that isn't")
    with (
        explained(directory),
        closing(connect(datastore)) as connection,
        private_folder(inside=directory.parent) as partial,
    ):
        tables = {table: write_table(connection, table, partial) for table in HISTORY}
        manifest = json.dumps({"format": FORMAT, "tables": tables}, indent=1)
        (partial / MANIFEST).write_text(manifest, encoding="utf-8")
        partial.rename(directory)  # so that a folder of this name is always whole
    return sorted(directory.iterdir())


def write_table(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> dict[str, Any]:
    """Write one table, and return what the manifest says of it."""
    file = folder / f"{table}.parquet"
    rows = connection.table(table)
    # DuckDB keeps the order of insertion, so the same datastore gives the same files.
    rows.write_parquet(str(file), compression="zstd")
    columns = connection.execute("from pragma_table_info(?)", [table]).fetchall()
    not_null = [column[1] for column in columns if column[3]]
    return {"rows": len(rows), "sha256": sha256_of(file), "not_null": not_null}


def import_history(directory: Path, path: Path) -> None:
    """Write the tables of an export into a new, empty DuckDB file.

    Raises UsageError if the folder holds no export, DatastoreError if a file was changed or was
    written by a newer Ethelred.
    """
    tables = read_manifest(directory)
    with explained(path), closing(duckdb.connect(path)) as connection:
        for table in HISTORY:
            connection.read_parquet(str(directory / f"{table}.parquet")).create(table)
            for column in tables[table]["not_null"]:  # Parquet doesn't keep that
                name = str(column).replace('"', '""')
                connection.execute(f'alter table {table} alter "{name}" set not null')


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return the tables of an export; raise as `import_history` does unless all is as written."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        found, tables = manifest["format"], {table: manifest["tables"][table] for table in HISTORY}
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
    return tables
