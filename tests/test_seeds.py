"""A bad row in a seed fails the build, and the error says which row and what is wrong with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
DBT = Path(sys.executable).with_name("dbt")
PARTS = ["dbt_project.yml", "profiles.yml", "models", "macros", "seeds", "tests/dbt"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "row", "says"),
    [
        ("annotations", "opencodelists,2026-02-30,Moved", "the day must be a date like 2026-11-22"),
        ("annotations", "nobody,2026-02-03,Moved", "the platform must be all, or one of"),
        ("annotations", "all,2026-02-03,", "the text is missing"),
        ("bank_holidays", "1 May,May Day", "no date like 2026-11-22, or no name"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, seed: str, row: str, says: str) -> None:
    for part in PARTS:
        source = PROJECT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        (tmp_path / part).parent.mkdir(exist_ok=True)
        copy(source, tmp_path / part)
    with (tmp_path / "seeds" / f"{seed}.csv").open("a", encoding="utf-8") as lines:
        lines.write(f"{row}\n")
    done = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            "--quiet",
            "build",
            "--select",
            "path:seeds",
            f"{seed}_are_sound",
        ],
        cwd=tmp_path,
        env=os.environ | {"ETHELRED_DBT_DATABASE": str(tmp_path / "ethelred.duckdb")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"seeds/{seed}.csv" in done.stdout
    assert says in done.stdout
    assert row.strip(",") in done.stdout
