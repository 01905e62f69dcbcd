"""A datastore of an older format is migrated once; one that can't be is left as it is."""

from pathlib import Path

import pytest

from ethelred_runner.datastore import FORMAT
from ethelred_runner.errors import DatastoreError
from ethelred_runner.migrate import MIGRATIONS, migrate

from .conftest import logins, names, query, sha256

ADD = "alter table copies add column place varchar default 'London'"


def scripts(folder: Path, *steps: str) -> Path:
    folder.mkdir()
    for number, step in enumerate(steps, FORMAT + 1):
        (folder / f"format-{number}.sql").write_text(step)
    return folder


def run(store: Path, tmp_path: Path, migrations: Path, to: int) -> None:
    folder = tmp_path / "work"
    folder.mkdir(exist_ok=True)
    migrate(store, folder, migrations=migrations, to=to)


def test_a_datastore_is_migrated_step_by_step_once_and_the_old_one_kept(
    store: Path, tmp_path: Path
) -> None:
    old, had = sha256(store), logins(store)
    steps = scripts(tmp_path / "steps", ADD, "alter table copies rename place to venue")
    run(store, tmp_path, steps, FORMAT + 2)
    assert query(store, "select distinct venue, format from copies, datastore_format") == [
        ("London", FORMAT + 2)
    ]
    assert logins(store) == had
    kept = f"ethelred.duckdb.format-{FORMAT}"
    assert names(store.parent) == {"ethelred.duckdb", kept}
    assert sha256(store.with_name(kept)) == old
    new = sha256(store)
    run(store, tmp_path, steps, FORMAT + 2)
    assert sha256(store) == new


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("delete from logins where ordinal = 1", "its history was cut|would lose history"),
        ("delete from copies", "its history was cut|would lose history"),
        ("insert into logins from logins limit 1", "would lose history"),
    ],
)
def test_a_migration_that_changes_history_is_refused(
    step: str, reason: str, store: Path, tmp_path: Path
) -> None:
    was = sha256(store)
    with pytest.raises(DatastoreError, match=reason):
        run(store, tmp_path, scripts(tmp_path / "steps", step), FORMAT + 1)
    assert sha256(store) == was
    assert names(store.parent) == {"ethelred.duckdb"}


def test_a_missing_step_is_named(store: Path, tmp_path: Path) -> None:
    with pytest.raises(DatastoreError, match=f"format-{FORMAT + 1}.sql is missing"):
        run(store, tmp_path, scripts(tmp_path / "steps"), FORMAT + 1)


def test_there_is_a_script_for_each_format_and_none_beyond() -> None:
    found = {path.name for path in MIGRATIONS.glob("*.sql")}
    assert found == {f"format-{number}.sql" for number in range(2, FORMAT + 1)}
