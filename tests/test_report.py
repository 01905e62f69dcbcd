"""A report that can't be built leaves the last good site."""

import shutil
from contextlib import closing
from pathlib import Path

import duckdb

from tests.conftest import Ethelred


def test_a_missing_mart_fails_and_leaves_the_site(
    ethelred: Ethelred, datastore: Path, tmp_path: Path
) -> None:
    store, site = tmp_path / "ethelred.duckdb", tmp_path / "site"
    shutil.copyfile(datastore, store)
    with closing(duckdb.connect(store)) as connection:
        connection.execute("drop table platform_headlines")
    site.mkdir()
    (site / "index.html").write_text("the last good site")
    done = ethelred("report", "--datastore", store, "--site", site, code=7)
    assert "reports/sources/ethelred/platform_headlines.sql" in done.stderr
    assert "Traceback" not in done.stderr
    assert (site / "index.html").read_text() == "the last good site"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ethelred.duckdb", "site"]
