#!/usr/bin/env python3
"""Tell people how a workflow's run went. Needs nothing but Python: setup may be what failed.

- `start`: send a heartbeat, so that a run which never ends is noticed
- `end`: write the page's summary, send a heartbeat, and open, update or close the issue

docs/deployment.md says what an operator can set. No address of an alert service is ever printed,
and one that is down never fails a run.
"""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

AUTHOR = "github-actions[bot]"  # who opens the issue; nobody else's is ever touched
TRIES = 3
SECONDS = 20.0
FIGURES = ("copies read", "new logins", "rejected logins", "logins")
Summary = dict[str, Any]


def start() -> None:
    """Check in at the start of a run."""
    if setting("QUIET") != "true":  # a dry run: nobody is told
        send_heartbeat("/start")


def end() -> None:
    """Say on the run's page how it went, and tell whoever wants to hear of it."""
    summary: Summary = json.loads(setting("SUMMARY") or "{}")
    trouble = [*failed_jobs(setting("RESULTS")), *troubles(summary)]
    page = "\n".join(page_lines(summary, trouble)) + "\n"
    with Path(setting("GITHUB_STEP_SUMMARY")).open("a", encoding="utf-8") as shown:
        shown.write(page)
    if setting("QUIET") == "true":
        return
    send_heartbeat("/fail" if trouble else "")
    webhook = setting("ETHELRED_WEBHOOK_URL")
    if trouble and webhook:
        text = f"{title()}: {'; '.join(trouble)}\n{run_url()}"
        deliver("the webhook", webhook, {"text": text, "trouble": trouble, "summary": summary})
    else:
        update_issue(page, is_well=not trouble)


def setting(name: str) -> str:
    """Return an environment variable; empty if it isn't set."""
    return os.environ.get(name, "").strip()


def failed_jobs(results: str) -> list[str]:
    """Return a line for each job that didn't go well, of `job=result` words.

    A job that took too long counts as cancelled, so that is trouble too.
    """
    pairs = [word.partition("=") for word in results.split()]
    return [f"the job {job}: {how}" for job, _, how in pairs if how not in ("success", "skipped")]


def troubles(summary: Summary) -> list[str]:
    """Return what a run's summary says that somebody has to look after, in a line each."""
    error = [summary["error"]] if summary.get("error") else []
    return error + [
        f"the newest copy of {platform['platform']} was taken {platform['newest_copy_taken_at']}, "
        f"{platform['newest_copy_age_hours']:.0f} hours ago: is its backup job at work?"
        for platform in summary.get("platforms", [])
        if platform["is_stale"]
    ]


def page_lines(summary: Summary, trouble: list[str]) -> list[str]:
    """Return the lines of Markdown that say what ran, how it went, and where to look."""
    platforms = summary.get("platforms", [])
    how = "needs a look" if trouble else summary.get("outcome", "done")
    lines = [f"### {setting('GITHUB_WORKFLOW')}: {how}", ""]
    lines += [f"- **{quoted(line)}**" for line in trouble]
    if platforms:
        lines += ["", f"| {' | '.join(['platform', 'newest copy', 'age', *FIGURES])} |"]
        lines += ["|---" * 7 + "|", *map(row, platforms), ""]
    lines += [
        f"- {platform['platform']}: no copy between {gap['gap_started_at']} and "
        f"{gap['gap_ended_at']} "
        f"({gap['gap_hours']:,.0f} hours, nights missed: {gap['nights_missed']})"
        for platform in platforms
        for gap in platform["gaps"]
    ]
    lines += [f"- warning: {quoted(line)}" for line in summary.get("warnings", [])]
    site = setting("SITE")
    return [*lines, "", (f"[The site]({site}) · " if site else "") + f"[This run]({run_url()})"]


def row(platform: Summary) -> str:
    """Return a platform's figures as a row of a table in Markdown; times are in UTC."""
    figures = [f"{platform[name.replace(' ', '_')]:,}" for name in FIGURES]
    age = f"{platform['newest_copy_age_hours']:,.1f} h"
    cells = [platform["platform"], platform["newest_copy_taken_at"], age, *figures]
    return f"| {' | '.join(cells)} |"


def quoted(text: str) -> str:
    """Return a text as one line in which Markdown and mentions mean nothing."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def run_url() -> str:
    """Return the address of this run's page."""
    server, repository = setting("GITHUB_SERVER_URL"), setting("GITHUB_REPOSITORY")
    return f"{server}/{repository}/actions/runs/{setting('GITHUB_RUN_ID')}"


def send_heartbeat(what: str) -> None:
    """Call the heartbeat address, as healthchecks.io wants it, if there is one."""
    url = setting("ETHELRED_HEARTBEAT_URL")
    if url:
        deliver("the heartbeat", url.rstrip("/") + what)


def update_issue(page: str, *, is_well: bool) -> None:
    """Open the issue about this workflow, comment on the open one, or close it if all is well."""
    found = github("GET", f"issues?state=open&per_page=100&creator={quote(AUTHOR)}")
    numbers = [one["number"] for one in found or () if one["title"] == title()]
    if numbers:
        github("POST", f"issues/{numbers[0]}/comments", {"body": page})
    elif not is_well:
        github("POST", "issues", {"title": title(), "body": page})
    if numbers and is_well:
        github("PATCH", f"issues/{numbers[0]}", {"state": "closed"})


def title() -> str:
    """Return the title of the issue, by which it is found again."""
    return f"The workflow {setting('GITHUB_WORKFLOW')} needs a look"


def github(method: str, path: str, body: object = None) -> Any:
    """Ask GitHub's API about this repository; None, with a warning, if that fails."""
    url = f"{setting('GITHUB_API_URL')}/repos/{setting('GITHUB_REPOSITORY')}/{path}"
    headers = {
        "Authorization": f"Bearer {setting('GITHUB_TOKEN')}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    tries = TRIES if method == "GET" else 1  # repeating what is no question could do it twice
    what = "GitHub (are issues enabled in this repository's settings?)"
    return deliver(what, url, body, method, headers, tries)


def deliver(
    what: str,
    url: str,
    body: object = None,
    method: str | None = None,
    headers: dict[str, str] | None = None,
    tries: int = TRIES,
) -> Any:
    """Send a request, and return the JSON that came back, if any.

    A failure is a warning that doesn't name the address: it may be a secret.
    """
    failure = "its address must begin with https://"
    if not url.startswith(("https://", "http://127.0.0.1:")):
        tries = 0
    data = None if body is None else json.dumps(body).encode()
    headers = {"User-Agent": "ethelred", "Content-Type": "application/json", **(headers or {})}
    for _ in range(tries):
        try:
            request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
                return parsed(answer.read())
        except urllib.error.HTTPError as error:
            failure = f"HTTP {error.code}"
        except (OSError, ValueError, http.client.HTTPException) as error:  # also an odd address
            failure = type(error).__name__
    print(f"::warning::{what} can't be reached: {failure}")
    return None


def parsed(content: bytes) -> Any:
    """Return what an answer holds as JSON, or nothing: many services answer with a mere OK."""
    try:
        return json.loads(content)
    except ValueError:
        return None


if __name__ == "__main__":
    {"start": start, "end": end}[sys.argv[1]]()
