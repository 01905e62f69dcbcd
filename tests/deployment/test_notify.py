"""The scripts that alert, against real servers for issues and heartbeats."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.services import BOT, GitHub, Service, served

SCRIPTS = Path(__file__).parents[2] / "scripts"
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
    """The scripts, with the settings of a run."""

    github: GitHub
    alerts: Service
    folder: Path
    settings: dict[str, str]

    def end(self, summary: object = None, results: str = "build=success", **more: str) -> str:
        text = json.dumps(summary) if summary else ""
        return self.run("notify.py", "end", RESULTS=results, SUMMARY=text, **more)

    def run(self, script: str, *arguments: str, **more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-I", "-c", RUN_ISOLATED, str(SCRIPTS / script), *arguments],
            env=self.settings | more,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    @property
    def page(self) -> str:
        return (self.folder / "page.md").read_text()


# No package is installed, because setup may have failed. Time goes faster.
RUN_ISOLATED = """
import sys, time
sys.path = [path for path in sys.path if "site-packages" not in path]
sys.argv = sys.argv[1:]
time.sleep = lambda seconds: print(f"a pause of {seconds} s")
source = open(sys.argv[0]).read().replace("SECONDS = 20.0", "SECONDS = 0.5")
exec(compile(source, sys.argv[0], "exec"))
"""


@pytest.fixture
def notifier(tmp_path: Path) -> Iterator[Notifier]:
    github, alerts = GitHub(), Service()
    with served(github), served(alerts):
        settings = {
            "GITHUB_API_URL": github.url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "somebody/logins",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_WORKFLOW": "pipeline",
            "GITHUB_STEP_SUMMARY": str(tmp_path / "page.md"),
            "GITHUB_TOKEN": "the-token-of-this-run",
            "ETHELRED_HEARTBEAT_URL": f"{alerts.url}/hidden-check",
            "NO_PROXY": os.environ.get("NO_PROXY", "*"),
        }
        yield Notifier(github, alerts, tmp_path, settings)


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


@pytest.mark.parametrize(
    "results", ["build=failure", "build=cancelled", "build=success deploy=failure"]
)
def test_trouble_without_a_summary_is_told_too(notifier: Notifier, results: str) -> None:
    notifier.end(results=results)
    assert f"the job {results.split()[-1].replace('=', ': ')}" in notifier.github.issues[0]["body"]


@pytest.mark.parametrize("query", ["", "?create=1&rid=2"])
def test_a_heartbeat_says_how_it_went_before_the_query(notifier: Notifier, query: str) -> None:
    check = {"ETHELRED_HEARTBEAT_URL": f"{notifier.alerts.url}/check/{query}"}
    for what in ("start", "success", "fail"):
        notifier.run("notify.py", what, **check)
    asked = [f"GET /check{end}{query}" for end in ("/start", "", "/fail")]
    assert notifier.alerts.asked() == asked


@pytest.mark.parametrize("late", [True, False])
def test_a_message_that_was_sent_and_not_answered_is_not_sent_again(
    notifier: Notifier, late: bool
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/hidden"
        if not late:
            listener.close()  # nothing was sent, so it is tried again
        said = notifier.end(FAILED, ETHELRED_WEBHOOK_URL=address)
    assert said.splitlines() == (
        ["::warning::the webhook can't be reached: TimeoutError"]
        if late
        else [
            *(f"a pause of {seconds} s" for seconds in (1, 2, 4)),
            "::warning::the webhook can't be reached: ConnectionRefusedError",
        ]
    )


def test_a_copy_that_is_too_old_is_told_though_nothing_failed(notifier: Notifier) -> None:
    notifier.end(DONE | {"trouble": ["the newest copy of opencodelists was taken 50 hours ago"]})
    assert "taken 50 hours ago" in notifier.github.issues[0]["body"]
    assert notifier.alerts.asked() == ["GET /hidden-check/fail"]


def test_a_dry_run_tells_nobody(notifier: Notifier) -> None:
    notifier.run("notify.py", "start", QUIET="true")
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


@pytest.mark.parametrize("status", [404, 500])
def test_a_dead_service_fails_nothing_and_its_address_is_not_printed(
    notifier: Notifier, status: int
) -> None:
    notifier.alerts.status = notifier.github.status = status
    said = notifier.end(FAILED)
    assert said.count("::warning::") == 3
    assert f"HTTP {status}" in said
    hook = {"ETHELRED_WEBHOOK_URL": "https://hidden.invalid/hook"}
    said += notifier.end(FAILED, ETHELRED_HEARTBEAT_URL="file:///hidden", **hook)
    said += notifier.run("notify.py", "start")
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
