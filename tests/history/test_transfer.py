"""Out as Parquet, in again: an equal datastore."""

import json
from pathlib import Path

import duckdb
import pytest

from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.transfer import export, fill
from tests.conftest import Ethelred

from .conftest import content, names, query

HISTORY = {"logins", "copies", "active_users", "rejected_logins"}
NOT_NULL = "select table_name, column_name from duckdb_columns() where not is_nullable order by all"


def test_a_round_trip_makes_an_equal_datastore(
    eight_nights: Path, tmp_path: Path, ethelred: Ethelred
) -> None:
    out, again = tmp_path / "out", tmp_path / "again" / "ethelred.duckdb"
    ethelred("export", out, "--csv", "--datastore", eight_nights)
    assert names(out) == {"manifest.json"} | {
        f"{table}.{kind}" for table in HISTORY for kind in ("parquet", "csv")
    }
    done = ethelred("import", out, "--datastore", again)
    assert "holds what" in done.stdout
    assert content(again) == content(eight_nights)
    assert query(again, NOT_NULL) == query(eight_nights, NOT_NULL)
    assert "exists already" in ethelred("import", out, "--datastore", again, code=5).stderr


def test_any_tool_can_read_an_export(eight_nights: Path, tmp_path: Path) -> None:
    export(eight_nights, tmp_path / "out", csv=True)
    with duckdb.connect() as connection:
        for kind in ("parquet", "csv"):
            file = tmp_path / "out" / f"logins.{kind}"
            rows = connection.execute(f"from '{file}' order by all").fetchall()
            assert len(rows) == len(query(eight_nights, "from logins"))
            assert rows == query(eight_nights, "from logins order by all")


@pytest.mark.parametrize("damage", ["changed", "missing", "newer", "fewer rows"])
def test_an_export_that_is_not_whole_is_refused(
    damage: str, eight_nights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(eight_nights, out)
    manifest = json.loads((out / "manifest.json").read_text())
    if damage == "changed":
        with (out / "copies.parquet").open("ab") as file:
            file.write(b"x")
    elif damage == "missing":
        (out / "logins.parquet").unlink()
    elif damage == "newer":
        manifest["format"] = 99
    else:
        manifest["tables"]["logins"]["rows"] += 1
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatastoreError, match="out"):
        fill(tmp_path / "filled.duckdb", out)


@pytest.mark.parametrize("manifest", [None, "", "{}", '{"tables": []}'])
def test_a_folder_that_is_no_export_is_refused(manifest: str | None, tmp_path: Path) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(UsageError, match="holds no export"):
        fill(tmp_path / "filled.duckdb", tmp_path)


def test_an_export_never_writes_into_a_folder_that_is_there(
    eight_nights: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="is there already"):
        export(eight_nights, tmp_path)
