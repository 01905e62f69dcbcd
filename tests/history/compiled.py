"""The models as dbt compiles them, run in DuckDB in this process: quick enough for many histories.

dbt writes each model's SQL twice: as for a first run, and as for a run that appends. What dbt adds
around it (create, insert, delete and insert) is done here as dbt-duckdb does it.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
from ethelred_runner.dbt_plugin import create_catalogue
from ethelred_runner.platforms import read_platforms

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Model:
    relation: str
    materialized: str
    key: list[str]
    first: str
    later: str


@dataclass(frozen=True)
class Shown:
    """A copy: what its users' values are, with their storage classes."""

    taken_at: datetime
    content: str
    values: tuple[tuple[str | None, str], ...]


def compile_models(folder: Path, datastore: Path) -> list[Model]:
    """Have dbt compile the models without a datastore, and with one."""
    first = compile_once(folder / "first", None)
    later = compile_once(folder / "later", datastore)
    order = TopologicalSorter(
        {name: node["depends_on"]["nodes"] for name, node in first.items()}
    ).static_order()
    return [
        Model(
            first[name]["relation_name"],
            first[name]["config"]["materialized"],
            first[name]["config"]["unique_key"] or [],
            first[name]["compiled_code"],
            later[name]["compiled_code"],
        )
        for name in order
        if name in first
        and first[name]["config"]["materialized"] != "ephemeral"
        and "report" not in first[name]["fqn"]  # they only show what the others hold
    ]


def compile_once(folder: Path, datastore: Path | None) -> dict[str, dict[str, Any]]:
    folder.mkdir(parents=True)
    database = folder / "ethelred.duckdb"
    if datastore:
        shutil.copyfile(datastore, database)
    command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "compile"]
    options = ["--target-path", str(folder / "target"), "--log-path", str(folder)]
    subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env=os.environ | {"ETHELRED_DBT_DATABASE": str(database)},
        check=True,
    )
    manifest = json.loads((folder / "target" / "manifest.json").read_text())
    nodes = manifest["nodes"].items()
    return {name: node for name, node in nodes if node["resource_type"] == "model"}


class Datastore:
    """An empty datastore in memory, to which runs can be applied."""

    def __init__(self, models: list[Model]) -> None:
        self._models, self._runs = models, 0
        self.connection = duckdb.connect()
        self.connection.execute("set timezone = 'UTC'; attach ':memory:' as ethelred; use ethelred")
        create_catalogue(self.connection, read_platforms().values())
        with (ROOT / "seeds" / "platforms.csv").open() as lines:
            header, *rows = csv.reader(lines)
        self.connection.execute(
            f"create table platforms ({', '.join(f'{n} text' for n in header)})"
        )
        for row in rows:
            self.connection.execute("insert into platforms values (?, ?, ?, ?)", row)

    def clear(self) -> None:
        """Forget all runs."""
        self._runs = 0

    def run(self, copies: list[Shown]) -> None:
        """Apply one run."""
        self._show(copies)
        for model in self._models:
            if self._runs == 0 or model.materialized == "table":
                sql = model.first if self._runs == 0 else model.later
                self.connection.execute(f"create or replace table {model.relation} as {sql}")
            else:
                self._append(model)
        self._runs += 1

    def _append(self, model: Model) -> None:
        self.connection.execute(f"create or replace temp table new_rows as {model.later}")
        if model.key:
            same = " and ".join(f"new_rows.{name} = old.{name}" for name in model.key)
            self.connection.execute(
                f"delete from {model.relation} as old using new_rows where {same}"
            )
        self.connection.execute(f"insert into {model.relation} by name from new_rows")

    def _show(self, copies: list[Shown]) -> None:
        self.connection.execute("truncate obtained.ethelred.copies_obtained")
        self.connection.execute("truncate obtained.opencodelists.opencodelists_user")
        for number, copy in enumerate(copies, 1):
            self.connection.execute(
                "insert into obtained.ethelred.copies_obtained values"
                " ('opencodelists', ?, ?, null, null, ?, ?)",
                [number, copy.content, copy.taken_at, copy.taken_at],
            )
            if copy.values:
                self.connection.executemany(
                    "insert into obtained.opencodelists.opencodelists_user values (?, ?, ?)",
                    [(number, *value) for value in copy.values],
                )

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.connection.execute(query).fetchall()
