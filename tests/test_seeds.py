"""A bad row in a seed fails the build, and the error says which row and what is wrong with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dbt_runs import copy_project

DBT = Path(sys.executable).with_name("dbt")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("seeds"))


def build_with(project: Path, seed: str, row: str) -> subprocess.CompletedProcess[str]:
    """Build a seed with one row more, and run its test."""
    path = project / "seeds" / f"{seed}.csv"
    before = path.read_bytes()
    path.write_bytes(before + f"{row}\n".encode())
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ETHELRED_")}
    (project / "data" / "sandbox").mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [DBT, "--quiet", "build", "--select", "path:seeds", "--indirect-selection", "cautious"],
        cwd=project,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    path.write_bytes(before)
    return done


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "row", "says"),
    [
        ("annotations", "opencodelists,2026-02-30,,Moved", "starts_on must be a date like 2026-1"),
        ("annotations", "all,2026-02-03,2026-02-02,Moved", "ends_on must be empty or a date like"),
        ("annotations", "nobody,2026-02-03,,Moved", "the platform must be all, or one of"),
        ("annotations", "all,2026-02-03,,", "the text is missing"),
        ("annotations", f"all,2026-02-03,,{'x' * 121}", "the text has more than 120 characters"),
        ("bank_holidays", "1 May,May Day", "no date like 2026-11-22, or no name"),
    ],
)
def test_a_bad_row_is_named(project: Path, seed: str, row: str, says: str) -> None:
    done = build_with(project, seed, row)
    assert done.returncode != 0
    assert f"seeds/{seed}.csv" in done.stdout
    assert says in done.stdout
    assert row.strip(",")[:70] in done.stdout


@pytest.mark.slow
def test_a_long_text_is_a_good_row(project: Path) -> None:
    done = build_with(project, "annotations", f"all,2026-02-03,,{'x' * 120}")
    assert done.returncode == 0, done.stdout
