"""The pipeline's own steps, from its YAML, in a clean clone, for three nights and a bad one."""

import getpass
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.conftest import SAMPLES
from tests.deployment.steps import Runner
from tests.history.storage import BUCKET, endpoint, storage
from tests.obtain.test_sftp import Ssh, ssh
from tests.site.conftest import Visit, browser, visit
from tests.truth import Night, london_day, visible_logins

__all__ = ["browser", "ssh", "visit"]  # fixtures

PROJECT = Path(__file__).parents[2]
PIPELINE = PROJECT / ".github" / "workflows" / "pipeline.yml"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Clone what is committed: what a runner would check out."""
    target = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", PROJECT, target], check=True)
    return target


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run a real S3-compatible service, and yield the settings that lead to it."""
    place = tmp_path / "storage"
    place.mkdir()
    with storage(place) as port:
        settings = endpoint(port)
        httpx.put(f"{settings['AWS_ENDPOINT_URL']}/{BUCKET}").raise_for_status()
        yield settings


@pytest.fixture
def runner(tmp_path: Path, clone: Path, ssh: Ssh, bucket: dict[str, str]) -> Runner:
    home = tmp_path / "home"
    home.mkdir()
    link = tmp_path / "backups" / "latest-db.sqlite3.zst"
    secrets = {
        "ETHELRED_SOURCE_OPENCODELISTS": f"sftp://{getpass.getuser()}@127.0.0.1:{ssh.port}{link}",
        "ETHELRED_SSH_KEY": ssh.key.read_text(),
        "AWS_ACCESS_KEY_ID": bucket["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": bucket["AWS_SECRET_ACCESS_KEY"],
    }
    variables = {
        "ETHELRED_SSH_KNOWN_HOSTS": ssh.known(),
        "ETHELRED_DATASTORE": f"s3://{BUCKET}/ethelred",
        "AWS_REGION": bucket["AWS_REGION"],
        "AWS_ENDPOINT_URL": bucket["AWS_ENDPOINT_URL"],
    }
    return Runner(clone, home, {"secrets": secrets, "vars": variables})


def back_up(night: Night, folder: Path, *, cut: bool = False) -> None:
    """Put a night's copy where the backup job puts it, whole or cut short."""
    folder.mkdir(exist_ok=True)
    copy = folder / night.raw.name
    shutil.copy2(night.raw, copy)
    if cut:
        copy.write_bytes(copy.read_bytes()[:9000])
    link = folder / "latest-db.sqlite3.zst"
    link.unlink(missing_ok=True)
    link.symlink_to(copy.name)


def throw_the_disk_away(clone: Path) -> None:
    """Leave only what the next runner's checkout and caches would have."""
    for name in ("site", "work", "demo"):
        shutil.rmtree(clone / "data" / name, ignore_errors=True)
    for name in ("logs", "target"):
        shutil.rmtree(clone / name, ignore_errors=True)


class Silent(SimpleHTTPRequestHandler):
    """A plain web server: GitHub Pages has no rules for this site either."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hosted(published: Path, name: str) -> Iterator[str]:
    """Serve what was published as a project's pages, and yield its address."""
    root = published.with_name("pages")
    shutil.copytree(published, root / name)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{name}/"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.xdist_group("site")
def test_three_nights_and_a_bad_one_end_with_the_site(
    runner: Runner, nights: list[Night], tmp_path: Path, visit: Visit
) -> None:
    backups = tmp_path / "backups"

    back_up(nights[0], backups)
    assert not runner.run(PIPELINE), runner.log
    assert "--init" in runner.log  # the first run explains itself
    assert runner.run(PIPELINE, {"init": "true"}), runner.log
    assert "144 new logins" in runner.log
    assert "opencodelists" in runner.summary.read_text()

    throw_the_disk_away(runner.clone)
    first = (runner.published / "index.html").read_bytes()
    back_up(nights[1], backups, cut=True)
    assert not runner.run(PIPELINE)
    assert "cut short" in runner.log
    assert (runner.published / "index.html").read_bytes() == first

    for night in nights[1:3]:
        throw_the_disk_away(runner.clone)
        back_up(night, backups)
        assert runner.run(PIPELINE), runner.log
    assert "149 logins" in runner.log

    seen = visible_logins(SAMPLES / "opencodelists", nights[:3])
    per_day = Counter(london_day(moment) for moment, _ in seen)
    with hosted(runner.published, "logins") as url:
        page = visit.context.new_page()
        page.goto(url, wait_until="networkidle")
        figure = page.get_by_test_id("logins-last-finished-day").first
        expect(figure).to_have_attribute("value", str(per_day[date(2026, 3, 22)]))
        expect(page.get_by_test_id("newest-copy").first).to_have_text("23 March 2026")
    assert visit.errors == []

    secrets = runner.settings["secrets"]
    hidden = [secrets["AWS_SECRET_ACCESS_KEY"], *secrets["ETHELRED_SSH_KEY"].splitlines()[1:-1]]
    assert [secret for secret in hidden if secret in runner.log] == []
