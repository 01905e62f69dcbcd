#!/usr/bin/env python3
"""Alert people about a run. Only Python is needed, because the setup may have failed.

- `start`, `success`, `fail`: send a heartbeat, so that a run which never ends is noticed as well
- `end`: of a workflow: write the page's summary, send a heartbeat, open, update or close the issue

docs/deployment.md says what an operator can set. No address of an alert service is ever printed,
and one that is down never fails a run.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

AUTHOR = "github-actions[bot]"  # opens the issue; issues of others stay untouched
PAUSES = (1, 2, 4)  # seconds between tries
SECONDS = 20.0
HEARTBEATS = {"start": "/start", "success": "", "fail": "/fail"}
FIGURES = ("copies read", "new logins", "rejected logins", "logins")
Summary = dict[str, Any]


def end() -> None:
    """Write the run's page, and send the alerts."""
    summary: Summary = json.loads(setting("SUMMARY") or "{}")
    trouble = [*failed_jobs(setting("RESULTS")), *summary.get("trouble", [])]
    page = "\n".join(page_lines(summary, trouble)) + "\n"
    with Path(setting("GITHUB_STEP_SUMMARY")).open("a", encoding="utf-8") as shown:
        shown.write(page)
    send_heartbeat("fail" if trouble else "success")
    webhook = setting("ETHELRED_WEBHOOK_URL")
    if is_quiet():
        return
    if trouble and webhook:
        text = f"{title()}: {'; '.join(trouble)}\n{run_url()}"
        deliver("the webhook", webhook, {"text": text, "trouble": trouble, "summary": summary})
    else:
        update_issue(page, is_well=not trouble)


def is_quiet() -> bool:
    """Return whether this is a dry run, which sends no alerts."""
    return setting("QUIET") == "true"


def setting(name: str) -> str:
    """Return an environment variable; empty if it isn't set."""
    return os.environ.get(name, "").strip()


def failed_jobs(results: str) -> list[str]:
    """Return a line for each failed job in a text of `job=result` words.

    A cancelled job counts as failed, because a job that takes too long is cancelled.
    """
    pairs = [word.partition("=") for word in results.split()]
    return [f"the job {job}: {how}" for job, _, how in pairs if how not in ("success", "skipped")]


def page_lines(summary: Summary, trouble: list[str]) -> list[str]:
    """Return the run's page as lines of Markdown."""
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
        f"({gap['gap_hours']:,.0f} hours, nights missed: {gap.get('nights_missed', '?')})"
        for platform in platforms
        for gap in platform["gaps"]
    ]
    lines += [f"- warning: {quoted(line)}" for line in summary.get("warnings", [])]
    links = {"The site": setting("SITE"), "This run": run_url()}
    links["What to do"] = f"{repository_url()}/blob/HEAD/docs/runbook.md" if trouble else ""
    return [*lines, "", " · ".join(f"[{text}]({url})" for text, url in links.items() if url)]


def row(platform: Summary) -> str:
    """Return a platform's figures as a row of a table in Markdown; times are in UTC."""
    figures = [f"{platform[name.replace(' ', '_')]:,}" for name in FIGURES]
    age = f"{platform['newest_copy_age_hours']:,.1f} h"
    cells = [platform["platform"], platform["newest_copy_taken_at"], age, *figures]
    return f"| {' | '.join(cells)} |"


def quoted(text: str) -> str:
    """Return a text as one line of code, in which Markdown and mentions have no effect."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def run_url() -> str:
    """Return the address of this run's page."""
    return f"{repository_url()}/actions/runs/{setting('GITHUB_RUN_ID')}"


def repository_url() -> str:
    """Return the address of this repository's page."""
    return f"{setting('GITHUB_SERVER_URL')}/{setting('GITHUB_REPOSITORY')}"


def send_heartbeat(what: str) -> None:
    """Call the heartbeat address, as healthchecks.io wants it, if there is one."""
    address, mark, query = setting("ETHELRED_HEARTBEAT_URL").partition("?")
    if address and not is_quiet():
        deliver("the heartbeat", address.rstrip("/") + HEARTBEATS[what] + mark + query)


def update_issue(page: str, *, is_well: bool) -> None:
    """Open the issue about this workflow, comment on the open one, or close it after a good run."""
    found = github("GET", f"issues?state=open&per_page=100&creator={quote(AUTHOR)}")
    numbers = [one["number"] for one in found or () if one["title"] == title()]
    if numbers:
        github("POST", f"issues/{numbers[0]}/comments", {"body": page})
    elif not is_well:
        assign(github("POST", "issues", {"title": title(), "body": page}))
    if numbers and is_well:
        github("PATCH", f"issues/{numbers[0]}", {"state": "closed"})


def assign(issue: Summary | None) -> None:
    """Assign people to a new issue in a separate request, which may fail for an unknown user."""
    names = setting("ETHELRED_ASSIGNEES").replace(",", " ").split()
    if issue and names:
        github("POST", f"issues/{issue['number']}/assignees", {"assignees": names})


def title() -> str:
    """Return the title of the issue, by which it is found again."""
    return f"The workflow {setting('GITHUB_WORKFLOW')} needs a look"


def github(method: str, path: str, body: object = None) -> Any:
    """Return the answer of GitHub's API for this repository; None, with a warning, on failure."""
    url = f"{setting('GITHUB_API_URL')}/repos/{setting('GITHUB_REPOSITORY')}/{path}"
    headers = {
        "Authorization": f"Bearer {setting('GITHUB_TOKEN')}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    what = "GitHub (are issues enabled in this repository's settings?)"
    return deliver(what, url, body, method, headers)


def deliver(
    what: str,
    url: str,
    body: object = None,
    method: str | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """Send a request, and return the JSON that came back, if any.

    A message without an answer isn't sent again, because it may have arrived. A failure is a
    warning without the address, which may be a secret.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"User-Agent": "ethelred", "Content-Type": "application/json", **(headers or {})}
    for pause in (*PAUSES, None):
        try:
            return answer(urllib.request.Request(url, data, headers, method=method))  # noqa: S310
        except urllib.error.HTTPError as error:
            failure, is_final = f"HTTP {error.code}", error.code < 500 and error.code != 429
        except urllib.error.URLError as error:
            failure, is_final = type(error.reason).__name__, False
        except (OSError, http.client.HTTPException) as error:
            failure, is_final = type(error).__name__, data is not None
        except ValueError as error:  # an invalid address
            failure, is_final = str(error), True
        if is_final or pause is None:
            break
        time.sleep(pause)
    print(f"::warning::{what} can't be reached: {failure}")
    return None


def answer(request: urllib.request.Request) -> Any:
    """Return the JSON of a service's answer; None for other answers, such as a plain OK.

    Raises ValueError if the address is unsafe.
    """
    if not request.full_url.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError("its address must begin with https://")
    with urllib.request.urlopen(request, timeout=SECONDS) as reply, suppress(ValueError):  # noqa: S310
        return json.load(reply)


if __name__ == "__main__":
    if sys.argv[1] == "end":
        end()
    else:
        send_heartbeat(sys.argv[1])
