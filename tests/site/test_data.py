"""Published data keep their addresses and columns."""

import json
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.site.conftest import Builds

pytestmark = [pytest.mark.site, pytest.mark.xdist_group("reports")]

PUBLISHED = Path(__file__).parents[1] / "samples" / "data-v1.json"
DUCKDB_TYPES = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamptz",
    "integer": "bigint",
    "number": "double",
    "string": "varchar",
}


def fields_of(package: Path) -> dict[str, dict[str, str]]:
    """Return the type of each column in each file that a data package describes."""
    resources = json.loads(package.read_text(encoding="utf-8"))["resources"]
    return {
        one["path"]: {field["name"]: field["type"] for field in one["schema"]["fields"]}
        for one in resources
    }


def test_what_was_ever_published_keeps_its_address_and_its_columns(builds: Builds) -> None:
    """New columns may be added. A change that fails here needs a new version, data/v2/."""
    now = fields_of(builds.demo / "data" / "v1" / "datapackage.json")
    for path, fields in json.loads(PUBLISHED.read_text(encoding="utf-8")).items():
        assert fields.items() <= now[path].items(), path


@pytest.mark.parametrize("name", ["demo", "many", "empty"])
def test_each_file_holds_what_the_package_says_of_it(builds: Builds, name: str) -> None:
    folder = getattr(builds, name) / "data" / "v1"
    described = fields_of(folder / "datapackage.json")
    assert {path.name for path in folder.glob("*.csv")} - set(described) == {"data_dictionary.csv"}
    with closing(duckdb.connect()) as connection:
        for path, fields in described.items():
            types = {field: DUCKDB_TYPES[kind] for field, kind in fields.items()}
            rows = connection.sql(
                f"from read_csv('{folder / path}', columns = {types}, header = true)"
            )
            parquet = connection.sql(f"from '{folder / path.replace('.csv', '.parquet')}'")
            assert rows.columns == parquet.columns == list(fields)
            assert len(rows.fetchall()) == len(parquet.fetchall())


def test_each_file_and_column_has_a_description(builds: Builds) -> None:
    package = json.loads((builds.demo / "data" / "v1" / "datapackage.json").read_bytes())
    for resource in package["resources"]:
        assert "Grain:" in resource["description"]
        assert all(field["description"] for field in resource["schema"]["fields"]), resource["name"]
