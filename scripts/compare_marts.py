"""Say in Markdown how the marts of two datastores differ: `compare_marts.py BEFORE AFTER`."""

import sys
from contextlib import closing
from pathlib import Path

import duckdb
import yaml

MODELS = Path(__file__).parents[1] / "models"
TABLES = "select table_name from duckdb_tables() where database_name = ?"


def read_grains() -> dict[str, list[str]]:
    """Return the columns that tell the rows of each mart apart: dbt tests that they do."""
    files = [path for layer in ("marts", "report") for path in (MODELS / layer).glob("[!_]*.yml")]
    models = [model for path in files for model in yaml.safe_load(path.read_text())["models"]]
    return {
        model["name"]: test["unique_combination_of_columns"]["arguments"]["columns"]
        for model in models
        for test in model["data_tests"]
        if "unique_combination_of_columns" in test
    }


def compare(before: Path, after: Path) -> list[str]:
    """Return a row of a table for each mart that isn't the same in two datastores."""
    with closing(duckdb.connect()) as connection:
        for name, path in {"before": before, "after": after}.items():
            connection.execute(f"attach '{path}' as {name} (read_only)")
        old, new = (
            {name for (name,) in connection.execute(TABLES, [database]).fetchall()}
            for database in ("before", "after")
        )
        grains = {mart: grain for mart, grain in read_grains().items() if mart in new}
        changes = dict.fromkeys(old - new, "gone")
        changes |= dict.fromkeys(set(grains) - old, "new")
        for mart in set(grains) & old:
            changes[mart] = describe(connection, mart, grains[mart])
    return [f"| `{mart}` | {change} |" for mart, change in sorted(changes.items()) if change]


def describe(connection: duckdb.DuckDBPyConnection, mart: str, grain: list[str]) -> str:
    """Return how many rows were added, are gone, or differ in each column; empty if none."""
    same = " and ".join(f"after.{key} is not distinct from before.{key}" for key in grain)

    def count(rows: str) -> int:
        return len(connection.sql(f"from {rows}"))

    old, new = f"before.{mart} as before", f"after.{mart} as after"
    counts = {
        "rows added": count(f"{new} anti join {old} on {same}"),
        "rows gone": count(f"{old} anti join {new} on {same}"),
    }
    columns = [set(connection.sql(f"from {one}").columns) for one in (old, new)]
    for column in sorted(columns[0] & columns[1]):
        differs = f"after.{column} is distinct from before.{column}"
        counts[f"rows with another `{column}`"] = count(f"{new} join {old} on {same} and {differs}")
    said = [f"{number} {what}" for what, number in counts.items() if number]
    said += [f"column `{column}` gone" for column in sorted(columns[0] - columns[1])]
    said += [f"column `{column}` new" for column in sorted(columns[1] - columns[0])]
    return ", ".join(said)


if __name__ == "__main__":
    found = compare(*map(Path, sys.argv[1:]))
    table = ["| Mart | What changes on the demo's data |", "|---|---|", *found]
    print("\n".join(table) if found else "No mart changes on the demo's data.")
