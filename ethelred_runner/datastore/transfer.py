"""Out and in again: the history tables as Parquet, with a manifest that vouches for them."""

import json
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ethelred_runner.datastore.database import FORMAT, HISTORY, connect, explained
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.folders import sha256_of, sync

MANIFEST = "manifest.json"


def export_history(datastore: Path, directory: Path, csv: bool = False) -> list[Path]:
    """Write every history table into a new folder, and return the files.

    Raises UsageError if the folder is there already, DatastoreError if the disk is full.
    """
    if directory.exists():
        raise UsageError(f"{directory} is there already; name a folder that isn't")
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with explained(directory), closing(connect(datastore)) as connection:
            partial.mkdir(mode=0o700, parents=True)
            tables = {table: write_table(connection, table, partial, csv) for table in HISTORY}
            exported_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            manifest = {"format": FORMAT, "exported_at": exported_at, "tables": tables}
            (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            for file in partial.iterdir():
                sync(file)
            partial.rename(directory)  # so that a folder of this name is always whole
            sync(directory.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sorted(directory.iterdir())


def write_table(
    connection: duckdb.DuckDBPyConnection, table: str, folder: Path, csv: bool
) -> dict[str, Any]:
    """Write one table, and return what the manifest says of it."""
    file = folder / f"{table}.parquet"
    rows = connection.table(table)
    # DuckDB keeps the order of insertion, so the same datastore gives the same files.
    rows.write_parquet(str(file), compression="zstd")
    if csv:
        rows.write_csv(str(file.with_suffix(".csv")), header=True)
    columns = connection.execute("from pragma_table_info(?)", [table]).fetchall()
    not_null = [name for _, name, _, is_not_null, *_ in columns if is_not_null]
    sha256 = sha256_of(file)
    return {"file": file.name, "rows": len(rows), "sha256": sha256, "not_null": not_null}


def import_history(directory: Path, path: Path) -> None:
    """Write the tables of an export into a new, empty DuckDB file.

    Raises as `read_manifest` does.
    """
    tables = read_manifest(directory)["tables"]
    with explained(path), closing(duckdb.connect(path)) as connection:
        for table in HISTORY:
            connection.read_parquet(str(directory / f"{table}.parquet")).create(table)
            for column in tables[table]["not_null"]:
                name = str(column).replace('"', '""')
                connection.execute(f'alter table {table} alter "{name}" set not null')


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return the manifest of an export whose files are all as they were written.

    Raises UsageError if the folder holds no export, DatastoreError if a file was changed or was
    written by a newer Ethelred.
    """
    try:
        manifest: dict[str, Any] = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        tables = {table: entry["sha256"] for table, entry in manifest["tables"].items()}
        found = manifest["format"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{directory} holds no export: it has no {MANIFEST} of ethelred export"
        ) from error
    if set(tables) != set(HISTORY) or found != FORMAT:
        raise DatastoreError(
            f"{directory} was written in format {found}, this Ethelred reads {FORMAT}: import it "
            "with the Ethelred that wrote it, then update"
        )
    for table, sha256 in tables.items():
        path = directory / f"{table}.parquet"
        if not path.is_file() or sha256_of(path) != sha256:
            raise DatastoreError(f"{path} is missing or was changed since it was exported")
    return manifest
