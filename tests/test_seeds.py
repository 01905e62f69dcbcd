"""A note that can't be read is a warning that names its row or file, and the run goes on."""

from pathlib import Path

import pytest

from ethelred_runner.append.append import append
from ethelred_runner.console import warned as warnings
from ethelred_runner.datastore import open_datastore
from ethelred_runner.errors import DatastoreError, UsageError
from ethelred_runner.obtain.copy_requests import requests_for
from ethelred_runner.obtain.platforms import read_platforms
from ethelred_runner.settings import PROJECT
from ethelred_runner.watch.status import refuse_stale
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
def test_a_forks_older_seeds_and_notes_that_cannot_be_read_end_no_night(
    nights: list[Night], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seed of platforms may lack the columns that came later, and so may single rows of it."""
    project = copy_project(tmp_path / "the [a] project? 100%")
    monkeypatch.setattr("ethelred_runner.append.dbt.PROJECT", project)
    monkeypatch.setattr("ethelred_runner.obtain.platforms.PROJECT", project)
    annotations = f"platform,starts_on,ends_on,text\n{BAD}\n{GOOD}"
    (project / "seeds" / "annotations.csv").write_text(annotations, "utf-8-sig")
    (project / "seeds" / "bank_holidays.csv").write_text(f"day,text\n{GOOD}", "latin-1")
    header = (project / "seeds" / "platforms.csv").read_text().partition("\n")[0]
    store = tmp_path / "ethelred.duckdb"
    for number, columns in enumerate(("platform,platform_name,users_table,login_column", header)):
        row = "opencodelists,OpenCodelists,opencodelists_user,last_login"
        (project / "seeds" / "platforms.csv").write_text(f"{columns}\n\n{row}\n")
        requests = requests_for([str(nights[9 * number].raw)], "opencodelists", None)
        before = len(warnings)
        with open_datastore(str(store)) as opened:
            assert append(requests, opened, init=not number).new_logins > 0
        assert warnings[before:] == WARNED
    noted = query(store, "select kind, text from day_notes")
    assert noted == [("annotation", "Café opened")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("x,X,users", "x: the row has more columns than the header, or lacks one of platform, "),
        ("x,X,users,seen,,,,", "x: the row has more columns than the header, or lacks one of"),
        ("x,X,,seen,,,", "x: the row has more columns than the header, or lacks one of"),
        ("x;X;users;seen;;;", "a row without platform: the row has more"),
        (",,,,,,", "a row without platform: the row has more"),
        ("x,X,users,seen,sometimes,", "login_format sometimes is none of epoch_milli"),
        ("x,X,users,seen,localtime", "login_format localtime is none of"),
        ("x,X,users,seen,,staff", "x: write count_only as column=value"),
        ("x,X,users,seen,,,soon", "x: retired_on soon is no date such as 2026-03-31"),
    ],
)
def test_a_platform_whose_row_makes_no_sense_is_named(
    row: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = (PROJECT / "seeds" / "platforms.csv").read_text().partition("\n")[0]
    header = header.replace(",", ";" if ";" in row else ",")
    (tmp_path / "platforms.csv").write_text(f"{header}\n{row}\n")
    monkeypatch.setenv("ETHELRED_SEEDS", str(tmp_path))
    with pytest.raises(UsageError, match=said):
        read_platforms()
    (tmp_path / "platforms.csv").unlink()
    with pytest.raises(UsageError, match="check ETHELRED_SEEDS"):
        read_platforms()


def test_a_retired_platform_is_neither_read_nor_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["used,Used,users,seen,,,", "future,Future,users,seen,,,2999-01-01"]
    rows += ["retired,Retired,users,seen,,,2026-01-31"]
    header = (PROJECT / "seeds" / "platforms.csv").read_text().partition("\n")[0]
    (tmp_path / "platforms.csv").write_text("\n".join([header, *rows]))
    monkeypatch.setenv("ETHELRED_SEEDS", str(tmp_path))
    for name in ("USED", "FUTURE", "RETIRED"):
        monkeypatch.setenv(f"ETHELRED_SOURCE_{name}", "/copy")
    asked = [request.platform.platform for request in requests_for([], "", None)]
    assert asked == ["used", "future"]
    assert len(requests_for([], "retired", None)) == 1
    old = {"newest_copy_age_hours": 999}
    refuse_stale([{"platform": "retired"} | old], 36)
    with pytest.raises(DatastoreError, match=r"of: used \(999 hours ago\);"):
        refuse_stale([{"platform": name} | old for name in ("used", "retired")], 36)
