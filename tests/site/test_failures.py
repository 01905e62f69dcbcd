"""A report that can't be built fails, and leaves the last good site byte for byte."""

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from ethelred_runner.report.site import MARKER, exchange, resolve_site, swap_in
from tests.site.conftest import Builds, contents
from tests.support.program import Ethelred

pytestmark = [pytest.mark.site, pytest.mark.xdist_group("site")]

FAULTS = {
    "a published mart": ("drop table day_notes", "query day_notes fails"),
    "a download": ("alter table feed_entries rename title to heading", "query feed.xml.sql fails"),
    "a missing mart": ("drop table platform_headlines", "platform_headlines does not exist"),
    "an empty mart": ("delete from logins_timeseries", "logins_timeseries (opencodelists)"),
    "no mart of a platform": (
        "delete from active_users_per_day where platform = 'opencodelists'",
        "nothing to show of them in active_users_per_day (opencodelists)",
    ),
    # A query that only the platforms' pages have.
    "a page query": ("alter table unusual_days rename day to date", "day"),
}


@pytest.fixture(scope="module")
def good(builds: Builds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a good site in a folder of its own."""
    return Path(shutil.copytree(builds.demo, tmp_path_factory.mktemp("good") / "site"))


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
    assert list(good.parent.iterdir()) == [good]


def test_a_folder_that_no_report_has_made_is_never_replaced(
    ethelred: Ethelred, demo_datastore: Path, tmp_path: Path
) -> None:
    history = tmp_path / "history"
    history.mkdir()
    (history / "ethelred.duckdb").write_bytes(b"all there is")
    for site in (history, history / "ethelred.duckdb", tmp_path / "history" / ".." / "history"):
        done = ethelred("report", "--datastore", demo_datastore, "--site", site, code=7)
        assert str(site) in done.stderr
        assert "building" not in done.stderr  # it is reported before any building
    assert (history / "ethelred.duckdb").read_bytes() == b"all there is"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return a site as Evidence has built it."""
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "index.html").write_text("new")
    return folder


@pytest.mark.parametrize("is_atomic", [True, False])
def test_a_site_is_replaced_whole_and_keeps_its_mode(
    tmp_path: Path, built: Path, is_atomic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_atomic:
        monkeypatch.setattr("ethelred_runner.report.site.RENAME_EXCHANGE", 255)  # unknown here
    place = tmp_path / "web" / "site"
    place.mkdir(parents=True, mode=0o750)
    (place / "old.html").touch()
    (place.parent / ".htaccess").touch()
    swap_in(built, place)
    assert [path.name for path in place.iterdir()] == ["index.html"]
    assert place.stat().st_mode & 0o777 == 0o750
    assert {path.name for path in place.parent.iterdir()} == {".htaccess", "site"}
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "gone", place)
    assert [path.name for path in place.iterdir()] == ["index.html"]


def test_what_a_link_points_to_is_replaced_each_time(tmp_path: Path, built: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to("releases/site")
    for _ in range(2):
        swap_in(built, resolve_site(link))
        (tmp_path / "releases" / "site" / MARKER).touch()  # an empty marker is enough
    assert link.is_symlink()
    assert (link / "index.html").read_text() == "new"
