"""A real engine runs the pipeline's workflow, from the backup server to the site."""

import getpass
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
import yaml
from backports import zstd
from playwright.sync_api import expect

from tests.obtain.test_sftp import Ssh, ssh
from tests.support.browsing import Visit
from tests.support.program import PROGRAM, SAMPLES, contents
from tests.support.servers import free_port, needed, running, wait_for
from tests.support.services import GitHub, Service, served
from tests.support.storage import BUCKET, endpoint, storage
from tests.support.truth import Night, london_day, visible_logins
from tests.support.workflows import TOKEN, WORKFLOWS, Act
from tests.test_doubts import unpacked

__all__ = ["ssh"]  # fixtures

MORNING, RETRY = "47 5 * * *", "23 8 * * *"
CHECK = "3f1c-this-check-is-a-secret"
BEGAN, FAILED, ENDED = (f"GET /{CHECK}{what}" for what in ("/start", "/fail", ""))


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run a real S3-compatible service, and yield its settings."""
    place = tmp_path / "storage"
    place.mkdir()
    with storage(place) as port:
        yield endpoint(port)


@pytest.fixture
def github() -> Iterator[GitHub]:
    service = GitHub()
    with served(service):
        yield service


@pytest.fixture
def heartbeats() -> Iterator[Service]:
    service = Service()
    with served(service):
        yield service


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def act(
    tmp_path: Path,
    backups: Path,
    ssh: Ssh,
    bucket: dict[str, str],
    github: GitHub,
    heartbeats: Service,
) -> Iterator[Act]:
    server = f"sftp://{getpass.getuser()}@127.0.0.1:{ssh.port}"
    secrets = {
        "ETHELRED_SOURCE_OPENCODELISTS": f"{server}{backups / 'latest-db.sqlite3.zst'}",
        "ETHELRED_SSH_KEY": ssh.key.read_text(),
        "ETHELRED_HEARTBEAT_URL": f"{heartbeats.url}/{CHECK}",
        "AWS_ACCESS_KEY_ID": bucket["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": bucket["AWS_SECRET_ACCESS_KEY"],
    }
    variables = {
        "ETHELRED_SSH_KNOWN_HOSTS": ssh.known(),
        "ETHELRED_DATASTORE": f"s3://{BUCKET}/ethelred",
        "ETHELRED_WARN_AFTER": "1000000",  # because the sample nights are old
        "AWS_REGION": bucket["AWS_REGION"],
        "AWS_ENDPOINT_URL": bucket["AWS_ENDPOINT_URL"],
    }
    one = Act(tmp_path / "github", github.url, secrets, variables)
    with hosted(one.published.parent) as root:
        one.pages = f"{root}{one.published.name}/"
        yield one


def back_up(night: Night, folder: Path, *, cut: bool = False) -> None:
    """Put a night's copy, whole or cut short, where the backup job puts it."""
    folder.mkdir(exist_ok=True)
    copy = folder / night.raw.name
    shutil.copy2(night.raw, copy)
    if cut:
        copy.write_bytes(copy.read_bytes()[:9000])
    link = folder / "latest-db.sqlite3.zst"
    link.unlink(missing_ok=True)
    link.symlink_to(copy.name)


def objects(bucket: dict[str, str]) -> dict[str, bytes]:
    """Return the objects of the bucket with their bytes."""
    root = f"{bucket['AWS_ENDPOINT_URL']}/{BUCKET}"
    listed = httpx.get(root, params={"list-type": "2"}).raise_for_status().text
    keys = re.findall(r"<Key>(.*?)</Key>", listed)
    assert keys
    return {key: httpx.get(f"{root}/{key}").raise_for_status().content for key in keys}


def people(nights: list[Night]) -> set[bytes]:
    """Return the names and addresses of the users in the nights' copies."""
    found: set[str] = set()
    for night in nights:
        with TemporaryDirectory() as folder:
            copy = Path(folder, "copy.sqlite3")
            with zstd.open(night.raw) as packed:
                copy.write_bytes(packed.read())
            with closing(sqlite3.connect(copy)) as connection:
                rows = connection.execute("select username, name, email from opencodelists_user")
                found |= {value for row in rows for value in row if value and len(value) > 5}
    assert len(found) > 300
    return {value.encode() for value in found}


@contextmanager
def hosted(root: Path) -> Iterator[str]:
    """Serve the published sites of all projects without any rules, as Pages does."""
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
    command += ["--directory", str(root), str(port := free_port())]
    with running(command, Path(os.devnull)) as process:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}/"


def summary_of(act: Act) -> dict[str, Any]:
    """Return the summary that the last run kept as an artefact."""
    found: dict[str, Any] = json.loads((act.artefacts / "summary-1" / "summary.json").read_text())
    return found


def assert_published(act: Act, results: dict[str, str]) -> None:
    assert results == dict.fromkeys(("build", "deploy", "look", "notify"), "success"), act.log


def assert_refused(act: Act, results: dict[str, str]) -> None:
    assert results == {"build": "failure", "notify": "success"}, act.log


def assert_not_published(act: Act, results: dict[str, str]) -> None:
    assert results == {"build": "success", "notify": "success"}, act.log


@pytest.mark.slow
@pytest.mark.xdist_group("act")
def test_a_first_run_explains_itself_and_the_next_one_ends_with_the_site(
    act: Act, backups: Path, nights: list[Night], visit: Visit, github: GitHub, heartbeats: Service
) -> None:
    secrets, variables = act.secrets, act.variables
    act.secrets, act.variables = {}, {}  # a fork in which nothing is set
    assert_refused(act, act.dispatch("pipeline.yml", init="true"))
    assert summary_of(act)["exit_code"] == 2
    assert "--datastore: write s3://bucket/prefix" in act.log  # never a file on the runner (R16)
    assert "set ETHELRED_SOURCE_OPENCODELISTS" in act.log
    act.secrets, act.variables = secrets, variables
    github.issues.clear()

    back_up(nights[0], backups)
    back_up(nights[1], backups)
    assert_refused(act, act.schedule("pipeline.yml", MORNING))
    assert "--init" in act.log
    assert "--init" in github.issues[0]["body"]
    assert summary_of(act)["exit_code"] == 5
    assert heartbeats.asked() == [BEGAN, FAILED]

    assert_published(act, act.dispatch("pipeline.yml", init="true"))
    assert "new logins" in act.log
    assert github.issues[0]["state"] == "closed"
    assert heartbeats.asked() == [BEGAN, ENDED]
    page = act.page
    assert "| opencodelists | 2026-03-22T02:00:00Z" in page
    assert act.pages in page

    check_the_site(act.pages, nights[1:2], visit)
    check_nothing_leaks(act, github, nights)
    assert {path.name for path in act.temporary.iterdir()} <= {"node-compile-cache"}
    assert {path.name for path in act.user.iterdir()} <= {".config", ".npm"}  # logs of act and npm


@pytest.mark.dice
@pytest.mark.slow
@pytest.mark.xdist_group("act")
def test_nights_of_all_kinds(
    act: Act,
    backups: Path,
    nights: list[Night],
    bucket: dict[str, str],
    github: GitHub,
    heartbeats: Service,
) -> None:
    back_up(nights[0], backups)
    assert_published(act, act.dispatch("pipeline.yml", init="true"))
    assert "144 new logins" in act.log
    heartbeats.asked()

    # After a bad night the site stays as it was. The retry finds a whole copy.
    first = contents(act.published)
    back_up(nights[1], backups, cut=True)
    assert_refused(act, act.schedule("pipeline.yml", MORNING))
    assert contents(act.published) == first
    assert [issue["state"] for issue in github.issues] == ["open"]
    assert "cut short" in github.issues[0]["body"]
    back_up(nights[1], backups)
    assert_published(act, act.schedule("pipeline.yml", RETRY))
    assert [issue["state"] for issue in github.issues] == ["closed"]
    assert heartbeats.asked() == [BEGAN, FAILED, BEGAN, ENDED]

    back_up(nights[2], backups)
    assert_published(act, act.schedule("pipeline.yml", MORNING))
    (platform,) = summary_of(act)["platforms"]
    assert summary_of(act)["logins"] == platform["logins"] == 149
    assert (platform["copies_read"], platform["gaps"]) == (1, [])
    github.asked(), heartbeats.asked()

    # A dry run of two other copies changes nothing, and notifies nobody.
    third, before = contents(act.published), objects(bucket)
    server = act.secrets["ETHELRED_SOURCE_OPENCODELISTS"].partition(str(backups))[0]
    several = " ".join(f"{server}{night.sanitised}" for night in nights[3:5])
    assert_not_published(act, act.dispatch("pipeline.yml", backfill=several, dry_run="true"))
    assert "from 2 new copies" in act.log
    assert summary_of(act)["outcome"] == "dry run"
    assert "dry run" in act.page
    assert objects(bucket) == before
    assert (github.asked(), heartbeats.asked()) == ([], [])

    # A copy in grave doubt is refused, until somebody insists.
    emptied = unpacked(nights[3], backups / "emptied.sqlite3")
    with closing(sqlite3.connect(emptied)) as connection:
        connection.execute("update opencodelists_user set last_login = null")
        connection.commit()
    for insist, outcome in (("false", "failed"), ("true", "dry run")):
        act.dispatch(
            "pipeline.yml", backfill=f"{server}{emptied}", dry_run="true", accept_doubts=insist
        )
        assert summary_of(act)["outcome"] == outcome
    github.asked(), heartbeats.asked()

    # The retry obtains nothing, because this morning's copy is known, but publishes the site.
    (backups / "latest-db.sqlite3.zst").unlink()
    of_today(nights[3], backups / "today.sqlite3.zst")
    append_by_hand(act, bucket, backups / "today.sqlite3.zst")
    assert_published(act, act.schedule("pipeline.yml", RETRY))
    assert "nothing to obtain" in act.log
    assert summary_of(act)["outcome"] == "up to date"
    assert heartbeats.asked() == [BEGAN, ENDED]
    assert contents(act.published) != third
    check_nothing_leaks(act, github, nights)


@pytest.mark.dice
@pytest.mark.slow
@pytest.mark.xdist_group("act")
def test_two_runs_at_once_lose_nothing(act: Act, backups: Path, nights: list[Night]) -> None:
    """GitHub would queue them. act doesn't, so only the datastore protects them."""
    back_up(nights[0], backups)
    assert_published(act, act.dispatch("pipeline.yml", init="true"))
    other = Act(act.home.with_name("other"), act.api, act.secrets, act.variables, act.pages)
    other.published = act.published
    server = act.secrets["ETHELRED_SOURCE_OPENCODELISTS"].partition(str(backups))[0]
    sources = [f"{server}{night.sanitised}" for night in nights[3:5]]
    with ThreadPoolExecutor() as threads:
        runs = [
            threads.submit(one.dispatch, "pipeline.yml", source=source)
            for one, source in zip((act, other), sources, strict=True)
        ]
        for one, run in zip((act, other), runs, strict=True):
            assert_published(one, run.result())
    later = max(summary_of(one)["logins"] for one in (act, other))
    assert_not_published(
        act, act.dispatch("pipeline.yml", backfill=" ".join(sources), dry_run="true")
    )
    assert "nothing new to append" in act.log
    assert summary_of(act)["logins"] == later > 144


@pytest.mark.dice
@pytest.mark.slow
@pytest.mark.xdist_group("act")
def test_all_settings_at_once_and_the_second_place(
    act: Act, backups: Path, nights: list[Night], bucket: dict[str, str], heartbeats: Service
) -> None:
    back_up(nights[0], backups)
    act.secrets |= {
        "ETHELRED_HTTP_AUTHORIZATION": "Bearer of-nothing",
        "ETHELRED_WEBHOOK_URL": f"{heartbeats.url}/hook-of-ours",
        "AWS_SESSION_TOKEN": "a-token",
        "SECOND_AWS_ACCESS_KEY_ID": bucket["AWS_ACCESS_KEY_ID"],
        "SECOND_AWS_SECRET_ACCESS_KEY": bucket["AWS_SECRET_ACCESS_KEY"],
    }
    act.variables |= {
        "ETHELRED_ASSIGNEES": "ann,bob",
        "ETHELRED_BASE_PATH": "/",
        "ETHELRED_RUNS_ON": "a-runner-of-ours",
        "ETHELRED_SECOND_DATASTORE": f"s3://{BUCKET}/second",
        "SECOND_AWS_REGION": bucket["AWS_REGION"],
        "SECOND_AWS_ENDPOINT_URL": bucket["AWS_ENDPOINT_URL"],
    }
    # The service refused the token, so the workflow passed it on. The alert went to the webhook.
    assert_refused(act, act.dispatch("pipeline.yml", init="true"))
    assert "AWS_SESSION_TOKEN, which expires" in act.page
    assert heartbeats.asked() == [BEGAN, FAILED, "POST /hook-of-ours"]
    del act.secrets["AWS_SESSION_TOKEN"]
    with hosted(act.published) as act.pages:  # the site has a host of its own
        assert_published(act, act.dispatch("pipeline.yml", init="true"))
    assert 'href="/about/' in (act.published / "index.html").read_text()
    heartbeats.asked()

    results = act.schedule("weekly.yml", "13 7 * * 3")
    # The stand-in for make runs no tests, and says so.
    assert results == {"test": "failure", "second": "success", "notify": "success"}, act.log
    # act passes its own variables on, so the heartbeat is called without weekly.yml naming it.
    assert heartbeats.asked()[-1] == "POST /hook-of-ours"
    (place,) = {key.split("/")[1] for key in objects(bucket) if key.startswith("second/")}
    second = ["--datastore", f"s3://{BUCKET}/second/{place}", "--json"]
    told = subprocess.run(
        [PROGRAM, "status", *second], env=os.environ | bucket, check=True, capture_output=True
    )
    assert b'"logins": 144' in told.stdout


def of_today(night: Night, copy: Path) -> None:
    """Make a copy that was taken an hour ago."""
    copy.write_bytes(night.raw.read_bytes())
    taken = time.time() - 3600
    os.utime(copy, (taken, taken))


def append_by_hand(act: Act, bucket: dict[str, str], copy: Path) -> None:
    """Append a copy to the datastore from this machine."""
    subprocess.run(
        [PROGRAM, "build", copy, "--datastore", act.variables["ETHELRED_DATASTORE"]],
        env=os.environ | bucket,
        check=True,
        capture_output=True,
    )


def check_the_site(url: str, nights: list[Night], visit: Visit) -> None:
    """Check in a browser that the site has the figures of the ground truth."""
    logins = visible_logins(SAMPLES / "opencodelists", nights)
    per_day = Counter(london_day(moment) for moment, _ in logins)
    last = nights[-1].taken_at
    page = visit.context.new_page()
    page.goto(url, wait_until="networkidle")
    figure = page.get_by_test_id("logins-last-finished-day").first
    expect(figure).to_have_attribute("value", str(per_day[date(2026, 3, last.day - 1)]))
    newest = page.get_by_test_id("newest-copy").first
    expect(newest).to_have_text(f"{last.day} March 2026")
    assert visit.errors == []


def check_nothing_leaks(act: Act, github: GitHub, nights: list[Night]) -> None:
    """Search for secrets and people in everything that others can read."""
    told = json.dumps([github.issues, github.comments])
    texts = (act.logs + told + act.page).encode()
    readable = [texts, *contents(act.artefacts).values()]
    hidden = [act.secrets["AWS_SECRET_ACCESS_KEY"], CHECK, TOKEN]
    hidden += act.secrets["ETHELRED_SSH_KEY"].splitlines()[1:-1]
    hidden += [act.secrets["ETHELRED_SOURCE_OPENCODELISTS"]]
    assert [one for one in hidden if any(one.encode() in content for content in readable)] == []
    assert "sftp://" not in told + json.dumps(summary_of(act))
    named = re.compile(b"|".join(rb"\b%b\b" % re.escape(one) for one in people(nights)))
    assert [found for content in readable if (found := named.search(content))] == []


def test_keep_alive_enables_each_workflow_with_a_schedule(tmp_path: Path, github: GitHub) -> None:
    needed("curl", "curl")
    act = Act(tmp_path / "github", github.url)
    keep_alive = yaml.safe_load((WORKFLOWS / "keep-alive.yml").read_text())
    cron = keep_alive[True]["schedule"][0]["cron"]  # YAML reads the key `on` as true
    assert act.schedule("keep-alive.yml", cron) == {"enable": "success"}, act.log
    scheduled = [path.name for path in WORKFLOWS.glob("*.yml") if "schedule:" in path.read_text()]
    assert sorted(github.enabled) == sorted(scheduled)
    github.status = 403
    assert act.schedule("keep-alive.yml", cron) == {"enable": "failure"}


def test_every_job_says_its_permissions_and_its_time() -> None:
    for path in WORKFLOWS.glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            assert {"permissions", "timeout-minutes"} <= set(job)
            assert "contents" not in job["permissions"] or job["permissions"]["contents"] == "read"
