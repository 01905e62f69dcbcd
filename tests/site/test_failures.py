"""A report that can't be built fails, and leaves the last good site byte for byte."""

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Ethelred
from tests.site.conftest import Builds, contents

pytestmark = [pytest.mark.site, pytest.mark.xdist_group("site")]

FAULTS = {
    "a source query": ("drop table day_notes", "reports/sources/ethelred/day_notes.sql fails"),
    "a download": ("alter table daily_figures rename day to date", "downloads/logins_per_day.sql"),
    "a missing mart": ("drop table platform_headlines", "platform_headlines does not exist"),
    "an empty mart": ("delete from logins_timeseries", "logins_timeseries (opencodelists)"),
    "no mart of a platform": (
        "delete from active_users_per_day where platform = 'opencodelists'",
        "nothing to show of them in active_users_per_day (opencodelists)",
    ),
    # The query of the template of all platforms, which no other page has.
    "a page query": ("alter table unusual_days rename day to date", "day"),
}


@pytest.fixture(scope="module")
def good(builds: Builds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a good site, with the bundle and the stamp that its build has left beside it."""
    folder = tmp_path_factory.mktemp("good")
    for beside in (builds.folder, builds.folder.with_name(".site.bundle")):
        shutil.copytree(beside, folder / beside.name, symlinks=True)
    shutil.copy(builds.folder.with_name("site.json"), folder)
    return folder / "site"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_report_leaves_the_last_good_site(
    ethelred: Ethelred, demo_datastore: Path, tmp_path: Path, good: Path, fault: str
) -> None:
    statement, said = FAULTS[fault]
    store, before = tmp_path / "ethelred.duckdb", contents(good)
    assert "index.html" in before
    shutil.copyfile(demo_datastore, store)
    with closing(duckdb.connect(store)) as connection:
        connection.execute(statement)
    done = ethelred("report", "--datastore", store, "--site", good, code=7)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(good) == before
    assert not [path for path in good.parent.iterdir() if path.name.endswith((".work", ".old"))]
