"""A note that can't be read is a warning that says which row, or file, and the night goes on."""

import shutil
from pathlib import Path

import pytest

from ethelred_runner.append.append import append
from ethelred_runner.console import warned as warnings
from ethelred_runner.datastore import open_datastore
from ethelred_runner.errors import UsageError
from ethelred_runner.obtain.copy_requests import requests_for
from ethelred_runner.obtain.platforms import read_platforms
from ethelred_runner.settings import PROJECT
from tests.support.datastores import query
from tests.support.dbt_runs import copy_project
from tests.support.truth import Night

GOOD = "all,2026-03-22,,Café opened\n"
BAD = "all,2026-02-30,,Moved, away"
WARNED = [
    f"seeds/annotations.csv: the day must be a date like 2026-11-22, in the row: {BAD}",
    'seeds/bank_holidays.csv: it is not in UTF-8; save it as "CSV UTF-8"',
]


@pytest.mark.slow
def test_notes_that_cannot_be_read_end_no_night(
    datastore: Path, nights: list[Night], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(tmp_path / "the [a] project? 100%")
    monkeypatch.setattr("ethelred_runner.append.dbt.PROJECT", project)
    annotations = f"platform,starts_on,ends_on,text\n{BAD}\n{GOOD}"
    (project / "seeds" / "annotations.csv").write_text(annotations, "utf-8-sig")
    (project / "seeds" / "bank_holidays.csv").write_text(f"day,text\n{GOOD}", "latin-1")
    store = shutil.copyfile(datastore, tmp_path / "ethelred.duckdb")
    requests, before = requests_for([str(nights[9].raw)], "opencodelists", None), len(warnings)
    with open_datastore(str(store)) as opened:
        append(requests, opened)
    assert warnings[before:] == WARNED
    noted = query(store, "select kind, text from day_notes")
    assert noted == [("annotation", "Café opened")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("x,X,users,seen", "x: the row has more or fewer columns than the header"),
        ("x,X,users,seen,,,,", "x: the row has more or fewer columns than the header"),
        ("x,X,users,seen,sometimes,", "login_format sometimes is none of epoch_milli"),
        ("x,X,users,seen,,staff", "x: write count_only as column=value"),
    ],
)
def test_a_platform_whose_row_makes_no_sense_is_named(
    row: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = (PROJECT / "seeds" / "platforms.csv").read_text().partition("\n")[0]
    (tmp_path / "platforms.csv").write_text(f"{header}\n{row}\n")
    monkeypatch.setenv("ETHELRED_SEEDS", str(tmp_path))
    with pytest.raises(UsageError, match=said):
        read_platforms()
