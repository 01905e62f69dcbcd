"""The script that alerts, against real servers for issues and heartbeats."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.program import PROJECT
from tests.support.servers import needed
from tests.support.services import BOT, GitHub, Service, served

GAP = {
    "gap_started_at": "2026-03-21T02:00:00Z",
    "gap_ended_at": "2026-03-23T02:00:00Z",
    "gap_hours": 48.0,
}
PLATFORM = {
    "platform": "opencodelists",
    "newest_copy_taken_at": "2026-03-23T02:00:00Z",
    "newest_copy_age_hours": 3.8,
    "is_stale": False,
    "logins": 1234,
    "copies_read": 1,
    "new_logins": 5,
    "rejected_logins": 0,
    "gaps": [GAP | {"nights_missed": 1}],
}
DONE = {"outcome": "done", "trouble": [], "platforms": [PLATFORM], "warnings": ["`odd` @thing"]}
FAILED = {"outcome": "failed", "trouble": ["the source: no such file"], "platforms": []}
OPEN = {"number": 1, "state": "open", "user": {"login": BOT}}
OPEN |= {"title": "The workflow pipeline needs a look"}


@dataclass
class Notifier:
    """The script, with the settings of a run."""

    github: GitHub
    alerts: Service
    folder: Path
    settings: dict[str, str]

    def end(self, summary: object = None, results: str = "build=success", **more: str) -> str:
        text = json.dumps(summary) if summary else ""
        return self.run("end", RESULTS=results, SUMMARY=text, **more)

    def run(self, what: str, **more: str) -> str:
        done = subprocess.run(
            [PROJECT / "scripts" / "notify", what],
            env=self.settings | more,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    @property
    def page(self) -> str:
        return (self.folder / "page.md").read_text()


@pytest.fixture
def notifier(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Notifier]:
    outage = getattr(request, "param", 0.0)
    for name in ("curl", "jq"):
        noted = f'#!/bin/sh\necho "$*" >> {tmp_path}/commands\nexec {needed(name, name)} "$@"'
        (tmp_path / name).write_text(noted + " $RETRIES" * (name == "curl"))
        (tmp_path / name).chmod(0o700)
    github, alerts = GitHub(), Service()
    with served(github, outage=outage), served(alerts, outage=outage):
        settings = {
            "GITHUB_API_URL": github.url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "somebody/logins",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_WORKFLOW": "pipeline",
            "GITHUB_STEP_SUMMARY": str(tmp_path / "page.md"),
            "GITHUB_TOKEN": "the-token-of-this-run",
            "ETHELRED_HEARTBEAT_URL": f" {alerts.url}/hidden-check\r\n",
            "NO_PROXY": os.environ.get("NO_PROXY", "*"),
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "RETRIES": "--retry 0",  # of a curl that is in a hurry
        }
        yield Notifier(github, alerts, tmp_path, settings)
    commands = (tmp_path / "commands").read_text()  # of which anybody can read the list
    assert [one for one in ("hidden", "the-token-of-this-run") if one in commands] == []


def test_a_failure_opens_one_issue_and_success_closes_it(notifier: Notifier) -> None:
    notifier.end(FAILED, "build=failure deploy=skipped")
    (issue,) = notifier.github.issues
    assert issue["title"] == OPEN["title"]
    assert "the source: no such file" in issue["body"]
    assert "https://github.example/somebody/logins/actions/runs/4711" in issue["body"]
    assert "https://github.example/somebody/logins/blob/HEAD/docs/runbook.md" in issue["body"]
    notifier.end(FAILED, "build=failure deploy=skipped")
    assert len(notifier.github.issues) == 1
    assert [number for number, _ in notifier.github.comments] == [1]
    notifier.end(DONE, "build=success deploy=success")
    assert issue["state"] == "closed"
    notifier.end(FAILED, "build=failure deploy=skipped")
    assert [one["state"] for one in notifier.github.issues] == ["closed", "open"]
    asked = notifier.alerts.asked()
    assert asked == [f"GET /hidden-check{end}" for end in ("/fail", "/fail", "", "/fail")]


@pytest.mark.parametrize(
    ("names", "assigned"), [(" ann, bob ,", ["ann", "bob"]), ("ann", ["ann"]), (" , ", None)]
)
def test_a_new_issue_is_assigned_to_those_who_are_named(
    notifier: Notifier, names: str, assigned: list[str] | None
) -> None:
    for _ in range(2):
        notifier.end(FAILED, ETHELRED_ASSIGNEES=names)
    asked = [request for request in notifier.github.asked() if "assignees" in request]
    assert len(asked) == (1 if assigned else 0)
    assert notifier.github.issues[0].get("assignees") == assigned


@pytest.mark.parametrize("summary", ["", '{"cut'])
@pytest.mark.parametrize(
    "results", ["build=failure", "build=cancelled", "build=success deploy=failure"]
)
def test_trouble_without_a_whole_summary_is_told_too(
    notifier: Notifier, results: str, summary: str
) -> None:
    notifier.run("end", RESULTS=results, SUMMARY=summary)
    assert f"the job {results.split()[-1].replace('=', ': ')}" in notifier.github.issues[0]["body"]


@pytest.mark.parametrize("query", ["", "?create=1&rid=2"])
def test_a_heartbeat_says_how_it_went_before_the_query(notifier: Notifier, query: str) -> None:
    check = {"ETHELRED_HEARTBEAT_URL": f"{notifier.alerts.url}/check/{query}"}
    for what in ("start", "success", "fail"):
        notifier.run(what, **check)
    asked = [f"GET /check{end}{query}" for end in ("/start", "", "/fail")]
    assert notifier.alerts.asked() == asked


@pytest.mark.parametrize("late", [pytest.param(True, marks=pytest.mark.dice), False])
def test_a_message_that_was_sent_and_not_answered_is_not_sent_again(
    notifier: Notifier, late: bool
) -> None:
    links = []

    def keep_or_break_each_link() -> None:
        with suppress(OSError):
            while True:
                links.append(listener.accept()[0])
                assert links[-1].recv(9)
                if not late:
                    links[-1].close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=keep_or_break_each_link)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/hidden"
        said = notifier.end(FAILED, ETHELRED_WEBHOOK_URL=address, RETRIES="")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert "::warning::the webhook can't be reached" in said
    (link,) = links
    link.close()


@pytest.mark.parametrize(
    "notifier", [0.5, pytest.param(10.0, marks=pytest.mark.dice)], indirect=True
)
def test_each_kind_of_alert_arrives_after_an_outage(notifier: Notifier) -> None:
    hook = {"ETHELRED_WEBHOOK_URL": f"{notifier.alerts.url}/hidden-hook"}
    silent = {"ETHELRED_HEARTBEAT_URL": "", "RETRIES": ""}
    with ThreadPoolExecutor() as threads:
        runs = [
            threads.submit(notifier.run, "start", RETRIES=""),
            threads.submit(notifier.end, FAILED, **silent),
            threads.submit(notifier.end, FAILED, **silent, **hook),
        ]
    assert [run.result() for run in runs] == ["", "", ""]
    assert sorted(notifier.alerts.asked()) == ["GET /hidden-check/start", "POST /hidden-hook"]
    assert len(notifier.github.issues) == 1


def test_a_copy_that_is_too_old_is_told_though_nothing_failed(notifier: Notifier) -> None:
    notifier.end(DONE | {"trouble": ["the newest copy of opencodelists was taken 50 hours ago"]})
    assert "taken 50 hours ago" in notifier.github.issues[0]["body"]
    assert notifier.alerts.asked() == ["GET /hidden-check/fail"]


def test_a_dry_run_tells_nobody(notifier: Notifier) -> None:
    notifier.run("start", QUIET="true")
    notifier.end(FAILED, "build=failure", QUIET="true")
    assert (notifier.github.asked(), notifier.alerts.asked()) == ([], [])
    assert "no such file" in notifier.page


def test_an_issue_of_somebody_else_or_of_another_workflow_is_left_alone(notifier: Notifier) -> None:
    notifier.github.issues += [
        OPEN | {"user": {"login": "somebody"}},
        OPEN | {"number": 2, "title": "The workflow audit needs a look"},
    ]
    notifier.end(DONE)
    assert [issue["state"] for issue in notifier.github.issues] == ["open", "open"]
    notifier.end(FAILED)
    assert len(notifier.github.issues) == 3


def test_a_webhook_is_posted_to_instead(notifier: Notifier) -> None:
    notifier.end(FAILED, ETHELRED_WEBHOOK_URL=f"{notifier.alerts.url}/hidden-hook")
    posted = notifier.alerts.seen[-1]
    assert (posted.method, posted.path) == ("POST", "/hidden-hook")
    assert "no such file" in posted.body["text"]
    assert posted.body["summary"] == FAILED
    assert notifier.github.issues == []


@pytest.mark.parametrize(("status", "posted"), [(404, 1), (500, 2)])
def test_a_dead_service_fails_nothing_and_its_address_is_not_printed(
    notifier: Notifier, status: int, posted: int
) -> None:
    notifier.alerts.status = notifier.github.status = status
    said = notifier.end(FAILED, RETRIES="--retry 1")
    assert said.count("::warning::") == 3
    assert notifier.github.asked().count("POST /repos/somebody/logins/issues") == posted
    assert f"HTTP {status}" in said
    hook = {"ETHELRED_WEBHOOK_URL": "https://hidden.invalid/hook"}
    said += notifier.end(FAILED, ETHELRED_HEARTBEAT_URL="file:///hidden", **hook)
    said += notifier.run("start")
    assert "must begin with https://" in said
    assert "hidden" not in said
    assert "127.0.0.1" not in said


def test_the_page_says_what_a_person_wants_to_know(notifier: Notifier) -> None:
    notifier.end(DONE, SITE="https://somebody.example/logins/")
    assert "### pipeline: done" in notifier.page
    row = "| opencodelists | 2026-03-23T02:00:00Z | 3.8 h | 1 | 5 | 0 | 1,234 |"
    assert row in notifier.page.splitlines()
    gap = (
        "no copy between 2026-03-21T02:00:00Z and 2026-03-23T02:00:00Z (48 hours, nights missed: 1)"
    )
    assert gap in notifier.page
    assert "- warning: `'odd' @thing`" in notifier.page
    assert "[The site](https://somebody.example/logins/)" in notifier.page
    assert "runbook" not in notifier.page


@pytest.mark.parametrize("url", ["https://[odd", "https://é.invalid/x", "https://x.invalid/a b"])
def test_an_odd_address_fails_nothing(notifier: Notifier, url: str) -> None:
    assert "::warning::" in notifier.end(DONE, ETHELRED_HEARTBEAT_URL=url)


def test_an_answer_that_is_not_the_json_it_claims_fails_nothing(notifier: Notifier) -> None:
    notifier.github.content = notifier.alerts.content = b"<html>all is well</html>"
    notifier.end(FAILED)
    assert notifier.alerts.asked() == ["GET /hidden-check/fail"]
    assert len(notifier.github.asked()) == 2
