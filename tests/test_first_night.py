"""What a first night could break: other people's folders and histories, secrets, plain words."""

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Ethelred
from tests.truth import Night

PAGES = [pytest.mark.site, pytest.mark.slow, pytest.mark.xdist_group("site")]
ODD = 'logins von „Zugänge“ it\'s 100% "new" %41.v2.db'


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, ethelred: Ethelred, datastore: Path) -> Path:
    """Build the sample nights' site, once, of a datastore with an odd name, through a link."""
    place = tmp_path_factory.mktemp("first")
    (place / "link").symlink_to(place / "site")
    shutil.copyfile(datastore, place / ODD)
    ethelred("report", "--datastore", place / ODD, "--site", place / "link")
    return place / "site"


@pytest.fixture
def store(tmp_path: Path, datastore: Path) -> Path:
    return Path(shutil.copyfile(datastore, tmp_path / "ethelred.duckdb"))


# A datastore of any name


@pytest.mark.site
@pytest.mark.slow
@pytest.mark.xdist_group("site")
@pytest.mark.parametrize("name", [ODD, "history", "temp.duckdb", "select.from.duckdb"])
def test_a_datastore_of_any_name_can_be_reported(
    ethelred: Ethelred, site: Path, datastore: Path, tmp_path: Path, name: str
) -> None:
    shutil.copyfile(datastore, tmp_path / name)
    done = ethelred("report", "--datastore", tmp_path / name, "--site", site)
    assert "is up to date" in done.stdout


def test_each_relation_can_be_read_whatever_the_file_is_called(
    datastore: Path, tmp_path: Path
) -> None:
    shutil.copyfile(datastore, tmp_path / ODD)
    with closing(duckdb.connect(tmp_path / ODD, read_only=True)) as connection:
        names = connection.sql("select view_name from duckdb_views() where not internal")
        views = [name for (name,) in names.fetchall()]
        assert views == ["missing_figures"]
        assert connection.sql("from missing_figures").fetchall() == []


def test_incomplete_marts_come_with_the_next_new_copy_as_the_error_says(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    store, site = tmp_path / ODD, tmp_path / "site"
    ethelred("build", nights[0].raw, "--datastore", store, "--init")
    with closing(duckdb.connect(store)) as connection:
        connection.execute("drop view missing_figures; drop table platform_headlines")
    done = ethelred("report", "--datastore", store, "--site", site, code=7)
    assert "Append a copy that it hasn't read yet (ethelred run, or build)" in done.stderr
    ethelred("build", nights[1].raw, "--datastore", store)
    with closing(duckdb.connect(store, read_only=True)) as connection:
        assert connection.sql("from missing_figures").fetchall() == []
        assert connection.sql("select count(*) from platform_headlines").fetchall() == [(1,)]
