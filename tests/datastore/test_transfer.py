"""An export and an import give an equal history."""

import json
from pathlib import Path

import pytest

from ethelred_runner.datastore import (
    REQUIRED_HISTORY_TABLES,
    export_history,
    import_history,
    open_datastore,
    refuse_damaged,
    transfer,
)
from ethelred_runner.errors import DatastoreError, UsageError
from tests.support.datastores import TABLES, execute, names, query


@pytest.fixture
def filled(store: Path) -> Path:
    return execute(
        store,
        "insert into copies values ('p', 'copy', timestamp '2026-03-02 05:00:00', 'mtime',"
        " timestamp '2026-03-02 06:00:00', 12, 1, 1)",
        "insert into rejected_logins values ('p', 'copy', 'not_a_timestamp', '9,\"a')",
        "insert into logins select 'p', timestamp '2026-03-01' + interval (i) second, 1, 'copy',"
        " timestamp '2026-03-02 05:00:00' from range(1000) as numbers (i)",
    )


@pytest.mark.parametrize("kind", ["file", "bucket"])
def test_a_round_trip_makes_an_equal_history(
    kind: str, filled: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    out = tmp_path / "some 'where?"
    files = export_history(filled, out)
    assert {path.name for path in files} == names(out)
    assert names(out) == {
        "manifest.json",
        *(f"{table}.parquet" for table in REQUIRED_HISTORY_TABLES),
    }
    address = str(tmp_path / "again.duckdb")
    if kind == "bucket":
        address = request.getfixturevalue("address")
    with open_datastore(address) as datastore:
        with datastore.checkout(init=True, action="import") as checkout:
            import_history(out, execute(checkout.path, *TABLES))
        again = datastore.readable_path()
        for sql in (f"from {table}" for table in REQUIRED_HISTORY_TABLES):
            assert query(again, sql) == query(filled, sql)
        assert datastore.versions()[0].action == "import"
        export_history(again, tmp_path / "second")
    for path in files:
        assert (tmp_path / "second" / path.name).read_bytes() == path.read_bytes()


def test_the_doubts_about_copies_travel_with_the_history(filled: Path, tmp_path: Path) -> None:
    """The table is empty after an import of an older export, which has none."""
    columns = "platform varchar, copy_id varchar, doubt varchar, is_grave boolean"
    doubted = f"create table doubted_copies ({columns})"
    export_history(filled, tmp_path / "old")
    row = "insert into doubted_copies values ('p', 'copy', 'fewer_users', false)"
    export_history(execute(filled, doubted, row), tmp_path / "new")
    for name, rows in (("old", []), ("new", [("p", "copy", "fewer_users", False)])):
        refuse_damaged(tmp_path / name)
        again = execute(tmp_path / f"{name}.duckdb", *TABLES, doubted)
        import_history(tmp_path / name, again)
        assert query(again, "from doubted_copies") == rows


@pytest.mark.parametrize("damage", ["changed", "missing", "newer", None, "", "{}", "[]"])
def test_an_export_that_is_not_whole_is_refused(
    damage: str | None, filled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export_history(filled, out)
    manifest = out / "manifest.json"
    if damage == "changed":
        (out / "copies.parquet").write_bytes(b"x")
    elif damage == "missing":
        (out / "logins.parquet").unlink()
    elif damage == "newer":
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    elif damage is not None:
        manifest.write_text(damage)
    else:
        manifest.unlink()
    with pytest.raises((DatastoreError, UsageError), match="out"):
        refuse_damaged(out)


def test_an_export_is_whole_or_not_there(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "deep" / "out"

    def fail(path: Path) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(DatastoreError, match="no room left"):
        patch.setattr(transfer, "sha256_of", fail)
        export_history(filled, out)
    assert names(out.parent) == set()
    export_history(filled, out)
    with pytest.raises(UsageError, match="is there already"):
        export_history(filled, out)
