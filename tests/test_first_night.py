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


# Settings that are empty, and libraries that give up

EMPTY = [
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
    *("ETHELRED_PLATFORM", "ETHELRED_SITE", "ETHELRED_BASE_PATH", "ETHELRED_TAKEN_AT"),
    *("ETHELRED_MAX_AGE", "ETHELRED_MAX_BYTES", "ETHELRED_IF_OLDER", "ETHELRED_KEEP"),
    *("ETHELRED_DRY_RUN", "ETHELRED_SUMMARY", "ETHELRED_DEBUG", "ETHELRED_SOURCES"),
    *("ETHELRED_HTTP_AUTHORIZATION", "ETHELRED_SSH_KEY", "ETHELRED_SSH_KNOWN_HOSTS"),
]
NOWHERE = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
    "AWS_REGION": "eu-west-2",
    **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9"),  # asks nobody
    "NO_PROXY": "",
    "no_proxy": "",
    "RUST_BACKTRACE": "1",
}


def test_empty_settings_are_settings_that_are_not_there(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    store = tmp_path / "ethelred.duckdb"
    given = dict.fromkeys(EMPTY, "") | {"ETHELRED_SOURCE_OPENCODELISTS": str(nights[0].raw)}
    ethelred("run", "--init", "--no-report", "--datastore", store, **given)
    assert "1 new copy" in ethelred("build", nights[1].raw, "--datastore", store, **given).stdout


def test_amazon_is_asked_where_the_endpoint_is_left_empty(ethelred: Ethelred) -> None:
    settings = NOWHERE | {"AWS_ENDPOINT_URL": ""}
    done = ethelred("versions", "--datastore", "s3://history/logins", code=5, **settings)
    assert "the service can't be reached" in done.stderr
    assert "panicked" not in done.stderr


@pytest.mark.parametrize("address", ["storage.example", "https://", "storage.example:9000"])
def test_an_endpoint_that_is_no_address_is_said(ethelred: Ethelred, address: str) -> None:
    settings = NOWHERE | {"AWS_ENDPOINT_URL": address}
    done = ethelred("versions", "--datastore", "s3://history/logins", code=2, **settings)
    assert done.stderr == "error: AWS_ENDPOINT_URL is no address of a service: write https://host\n"


def test_a_panic_of_the_library_is_an_error_as_any_other(
    ethelred: Ethelred, tmp_path: Path
) -> None:
    settings = NOWHERE | {"AWS_REGION": "eu west"}
    command = ["versions", "--datastore", "s3://history/logins"]
    done = ethelred(*command, code=5, **settings)
    assert done.stderr.splitlines()[-1].startswith("error: s3://history/logins: the S3 library")
    assert [word for word in ("Traceback", "stack backtrace") if word in done.stderr] == []
    assert "Traceback" in ethelred(*command, "--debug", code=5, **settings).stderr
    done = ethelred("obtain", "s3://backups/copy", "--to", tmp_path / "to", code=3, **settings)
    assert "error: s3://backups/copy: the S3 library gave up" in done.stderr
    assert [word for word in ("Traceback", "stack backtrace") if word in done.stderr] == []
