"""`ethelred dev`, and the example in docs/analysts.md, "From a question to a page"."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from ethelred_runner.datastore import open_datastore
from tests.support.browsing import Visit
from tests.support.dbt_runs import copy_project
from tests.support.program import PROJECT
from tests.support.storage import BUCKET, endpoint

pytestmark = [pytest.mark.site, pytest.mark.xdist_group("dev")]

DBT = Path(sys.executable).with_name("dbt")
URL = "http://localhost:3000/"
ADDRESS = f"s3://{BUCKET}/dev"
GUIDE = (PROJECT / "docs" / "analysts.md").read_text(encoding="utf-8")
# A file in the guide has its path in bold and its content in a fence of four backticks.
FILE = re.compile(r"^\*\*`([\w/.]+)`\*\*.*?\n````\w+\n(.*?)^````$", re.MULTILINE | re.DOTALL)
SECONDS = 300  # many times as long as it takes, on a busy machine too


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project, which a test may edit."""
    folder = copy_project(tmp_path / "project")
    shutil.copytree(PROJECT / "ethelred_runner", folder / "ethelred_runner")
    left_out = shutil.ignore_patterns("node_modules", ".evidence", "build")
    shutil.copytree(PROJECT / "reports", folder / "reports", ignore=left_out)
    (folder / "reports" / "node_modules").symlink_to(PROJECT / "reports" / "node_modules")
    return folder


@pytest.fixture
def bucket(datastore: Path, s3_port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of the shared datastore in object storage."""
    for name, value in endpoint(s3_port).items():
        monkeypatch.setenv(name, value)
    with open_datastore(ADDRESS) as store, store.checkout(init=True) as checkout:
        shutil.copyfile(datastore, checkout.path)
    return ADDRESS


@contextmanager
def shown(project: Path, datastore: str) -> Iterator[Path]:
    """Run `ethelred dev` as an analyst does, yield its output, and end it with Ctrl-C."""
    said = project / "said"
    command = [sys.executable, "-m", "ethelred_runner", "dev", "--datastore", datastore]
    with said.open("w") as output:
        program = subprocess.Popen(command, cwd=project, stdout=output, stderr=output)
        try:
            wait_until(lambda: answers() or program.poll() is not None)
            assert program.poll() is None, said.read_text()
            yield said
        finally:
            program.send_signal(signal.SIGINT)
            assert program.wait(SECONDS) == 0


def wait_until(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < ends_at, "this takes too long"
        time.sleep(0.1)


def answers() -> bool:
    try:
        return httpx.get(URL).is_success
    except httpx.TransportError:
        return False


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_worked_example_is_on_the_screen_while_it_is_written(
    project: Path, bucket: str, visit: Visit
) -> None:
    page = visit.context.new_page()
    with (project / "seeds" / "annotations.csv").open("a", encoding="utf-8") as annotations:
        annotations.write("all,2026-02-30,,Moved\n")
    with shown(project, bucket) as said:
        assert "must be a date like 2026-11-22, in the row: all,2026-02-30" in said.read_text()
        files = dict(FILE.findall(GUIDE))
        assert len(files) == 4
        line = files.pop("models/report/_exposures.yml")
        edit(
            project / "models/report/_exposures.yml", "      - ref('active_users_per_day')\n", line
        )
        for path, content in files.items():
            (project / path).write_text(content, encoding="utf-8")
        (model,) = (project / path for path in files if path.endswith(".sql"))
        wait_until(lambda: "as they are now" in said.read_text())
        page.goto(f"{URL}users/")
        expect(page.locator("canvas, svg.chart, .chart svg").first).to_be_visible(
            timeout=SECONDS * 1000
        )
        link = page.get_by_role("link", name="CSV")
        answer = httpx.get(f"http://localhost:3000{link.get_attribute('href')}")
        assert answer.text.startswith("platform,starts_on,users,net_change\n")
        assert len(answer.text.splitlines()) > 2
        # A mistake is reported with its line, and the page stays.
        text = model.read_text(encoding="utf-8")
        number = next(i for i, one in enumerate(text.splitlines(), 1) if "max_by(users" in one)
        edit(model, "max_by(users", "max_by(usrs")
        wait_until(lambda: "The page stays as it was" in said.read_text())
        assert f"LINE {number}: max_by(usrs" in said.read_text()
        assert httpx.get(answer.url).text == answer.text
    with open_datastore(bucket) as store:
        assert [version.version for version in store.versions()] == [1]
    assert list((project / "data" / "work").iterdir()) == []
    wait_until(lambda: not answers())  # a dying server may reset a connection first
    edit(model, "max_by(usrs", "max_by(users")
    (project / "data" / "sandbox").mkdir(parents=True)
    for command in ("build --exclude-resource-type unit_test", "test --select users_per_week"):
        subprocess.run([DBT, *command.split()], cwd=project, check=True)
