"""Print in Markdown how the marts of two datastores differ: `compare_marts.py BEFORE AFTER`."""

import sys
from contextlib import closing
from pathlib import Path

import duckdb
import yaml

MODELS = Path(__file__).parents[1] / "models"
TABLES = "select table_name from duckdb_tables() where database_name = ?"


def read_grains() -> dict[str, list[str]]:
    """Return the columns that identify a row of each mart, as a dbt test checks."""
    files = [path for layer in ("marts", "report") for path in (MODELS / layer).glob("[!_]*.yml")]
    models = [model for path in files for model in yaml.safe_load(path.read_text())["models"]]
    return {
        model["name"]: test["unique_combination_of_columns"]["arguments"]["columns"]
        for model in models
        for test in model["data_tests"]
        if "unique_combination_of_columns" in test
    }


def compare(before: Path, after: Path) -> list[str]:
    """Return a row of a table for each mart that differs between two datastores."""
    with closing(duckdb.connect()) as connection:
        for name, path in {"before": before, "after": after}.items():
            connection.execute(f"attach '{path}' as {name} (read_only)")
        old, new = (
            {name for (name,) in connection.execute(TABLES, [database]).fetchall()}
            for database in ("before", "after")
        )
        changes = dict.fromkeys(old - new, "gone")
        for mart, grain in read_grains().items():
            if mart in new:
                changes[mart] = describe(connection, mart, grain) if mart in old else "new"
    return [f"| `{mart}` | {change} |" for mart, change in sorted(changes.items()) if change]


def describe(connection: duckdb.DuckDBPyConnection, mart: str, grain: list[str]) -> str:
    """Return how many rows were added, are gone, or differ in each column; empty if none."""
    old, new = (set(connection.sql(f"from {name}.{mart}").columns) for name in ("before", "after"))
    if not old.issuperset(grain):
        return "another grain"
    cases = {"rows added": "before.rowid is null", "rows gone": "after.rowid is null"}
    for column in sorted(old & new - {"last_appended_at"}):  # it differs in each build
        differs = f"before.{column} is distinct from after.{column}"
        cases[f"rows with another `{column}`"] = f"before.rowid + after.rowid >= 0 and {differs}"
    same = " and ".join(f"before.{key} is not distinct from after.{key}" for key in grain)
    # As texts, because a change may give a column another type.
    texts = "(select rowid, columns(*)::varchar from {0}.{1}) as {0}"
    counts = connection.sql(
        f"from {texts.format('before', mart)} full join {texts.format('after', mart)} on {same}"
        f" select {', '.join(f'count_if({case})' for case in cases.values())}"
    ).fetchall()[0]
    said = [f"{number} {what}" for what, number in zip(cases, counts, strict=True) if number]
    said += [f"column `{column}` gone" for column in sorted(old - new)]
    said += [f"column `{column}` new" for column in sorted(new - old)]
    return ", ".join(said)


if __name__ == "__main__":
    found = compare(*map(Path, sys.argv[1:]))
    table = ["| Mart | What changes on the demo's data |", "|---|---|", *found]
    print("\n".join(table) if found else "No mart changes on the demo's data.")
