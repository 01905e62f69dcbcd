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

HEADER = "platform,starts_on,ends_on,text\n"
GOOD = "all,2026-03-22,,Café opened\n"
NOTED = [("annotation", "Café opened")]
UNREADABLE = ['seeds/annotations.csv: it is not in UTF-8; save it as "CSV UTF-8"']
BAD = "all,2026-02-30,,Moved, away"
NO_DATE = f"seeds/annotations.csv: the day must be a date like 2026-11-22, in the row: {BAD}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "encoding", "noted", "warned"),
    [
        (GOOD, "utf-8-sig", NOTED, []),
        (GOOD, "utf-16", [], UNREADABLE),
        (GOOD, "latin-1", [], UNREADABLE),
        (f"{BAD}\n{GOOD}", "utf-8", NOTED, [NO_DATE]),
    ],
)
def test_a_note_that_cannot_be_read_ends_no_night(
    text: str,
    encoding: str,
    noted: list[tuple[str, str]],
    warned: list[str],
    datastore: Path,
    nights: list[Night],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = copy_project(tmp_path / "the [a] project? 100%")
    monkeypatch.setattr("ethelred_runner.append.dbt.PROJECT", project)
    (project / "seeds" / "annotations.csv").write_text(f"{HEADER}{text}", encoding)
    store = shutil.copyfile(datastore, tmp_path / "ethelred.duckdb")
    requests, before = requests_for([str(nights[9].raw)], "opencodelists", None), len(warnings)
    with open_datastore(str(store)) as opened:
        append(requests, opened)
    assert warnings[before:] == warned
    assert query(store, "select kind, text from day_notes where kind = 'annotation'") == noted


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
