"""`ethelred status` tells what the datastore holds, and whether it is fresh."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.program import Ethelred
from tests.support.truth import Night

from .conftest import execute, query


def test_status_agrees_with_the_datastore(
    eight_nights: Path, nights: list[Night], ethelred: Ethelred
) -> None:
    found = json.loads(ethelred("status", "--json", "--datastore", eight_nights).stdout)
    (platform,) = found["platforms"]
    assert platform["copies"] == 8
    assert query(eight_nights, "select count(*) from logins") == [(platform["logins"],)]
    newest = datetime.fromisoformat(platform["newest_copy_taken_at"])
    assert newest == nights[7].taken_at.replace(tzinfo=None)
    age = (datetime.now(UTC) - nights[7].taken_at).total_seconds() / 3600
    assert abs(platform["newest_copy_age_hours"] - age) < 0.2
    assert platform["gaps"] == []
    assert found["size_bytes"] == eight_nights.stat().st_size
    shown = ethelred("status", "--datastore", eight_nights).stdout
    assert f"{platform['logins']:,}" in shown


def test_status_lists_the_nights_that_are_missing(store: Path, ethelred: Ethelred) -> None:
    execute(
        store,
        "insert into collection_gaps values ('opencodelists', timestamp '2026-03-01 02:00:00',"
        " timestamp '2026-03-04 02:00:00', 72)",
    )
    found = json.loads(ethelred("status", "--json", "--datastore", store).stdout)
    assert found["platforms"][0]["gaps"][0]["nights"] == ["2026-03-02", "2026-03-03"]
    assert "no copy of 2026-03-02 to 2026-03-03" in ethelred("status", "--datastore", store).stdout


@pytest.mark.parametrize(("hours", "code"), [(10**6, 0), (30, 5), (0, 5)])
def test_a_stale_datastore_ends_with_5(
    hours: int, code: int, eight_nights: Path, ethelred: Ethelred
) -> None:
    done = ethelred(
        "status", "--json", "--max-age", str(hours), "--datastore", eight_nights, code=code
    )
    assert json.loads(done.stdout)["platforms"]
    assert ("no copy was taken within" in done.stderr) == bool(code)
