#!/usr/bin/env python3
"""Tell people how a workflow's run went. Needs nothing but Python: setup may be what failed.

- `start`: check in, so that a run which never ends is noticed
- `pass-on`: write what later jobs need of the run's summary to `$GITHUB_OUTPUT`
- `end`: write the page's summary, check in, and open, update or close the issue

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
from urllib.parse import quote, urlsplit

AUTHOR = "github-actions[bot]"  # who opens the issue; nobody else's is ever touched
TRIES = 3
SECONDS = 20.0
Summary = dict[str, Any]


def main() -> None:
    """Do what the argument says."""
    commands = {"start": start, "pass-on": pass_on, "end": end}
    commands[sys.argv[1]]()


def start() -> None:
    """Check in at the start of a run."""
    if not is_quiet():
        check_in("/start")


def pass_on() -> None:
    """Write the run's summary, and whether there is a site to publish, as a step's outputs."""
    path = Path(setting("ETHELRED_SUMMARY"))
    text = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    publish = bool(text) and json.loads(text)["outcome"] == "done"
    with Path(setting("GITHUB_OUTPUT")).open("a", encoding="utf-8") as outputs:
        outputs.write(f"summary={text}\npublish={str(publish).lower()}\n")


def end() -> None:
    """Say on the run's page how it went, and tell whoever wants to hear of it."""
    summary: Summary = json.loads(setting("SUMMARY") or "{}")
    trouble = [*failed_jobs(setting("RESULTS")), *troubles(summary)]
    page = "\n".join([headline(summary, trouble), "", *details(summary, trouble), "", links()])
    with Path(setting("GITHUB_STEP_SUMMARY")).open("a", encoding="utf-8") as shown:
        shown.write(page + "\n")
    if is_quiet():
        return
    check_in("/fail" if trouble else "")
    if trouble:
        complain(summary, trouble, page)
    elif summary.get("outcome") != "up to date":  # such a run has shown nothing
        close_issue(page)


def setting(name: str) -> str:
    """Return an environment variable; empty if it isn't set."""
    return os.environ.get(name, "").strip()


def is_quiet() -> bool:
    """Tell whether nobody is to be told: a dry run."""
    return setting("QUIET") == "true"


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
        f"{platform['age_hours']:.0f} hours ago: is its backup job at work?"
        for platform in summary.get("platforms", [])
        if platform["is_stale"]
    ]


def headline(summary: Summary, trouble: list[str]) -> str:
    """Return the heading: what ran, and how it went."""
    how = "needs a look" if trouble else summary.get("outcome", "done")
    return f"### {setting('GITHUB_WORKFLOW')}: {how}"


def details(summary: Summary, trouble: list[str]) -> list[str]:
    """Return the lines of Markdown below the heading."""
    lines = [f"- **{quoted(line)}**" for line in trouble]
    lines += table(summary.get("platforms", []))
    lines += [f"- {line}" for line in gaps(summary.get("platforms", []))]
    lines += [f"- warning: {quoted(line)}" for line in summary.get("warnings", [])]
    return lines


def table(platforms: list[Summary]) -> list[str]:
    """Return a table of the platforms' figures; times are in UTC."""
    if not platforms:
        return []
    names = ("copies read", "new logins", "rejected values", "logins")
    rows = [
        "| "
        + " | ".join(
            [
                platform["platform"],
                platform["newest_copy_taken_at"],
                f"{platform['age_hours']:,.1f} h",
                *(f"{platform[name.replace(' ', '_')]:,}" for name in names),
            ]
        )
        + " |"
        for platform in platforms
    ]
    heading = ["platform", "newest copy", "age", *names]
    return ["", f"| {' | '.join(heading)} |", "|---" * len(heading) + "|", *rows, ""]


def gaps(platforms: list[Summary]) -> list[str]:
    """Return a line for each recent gap between copies."""
    return [
        f"{platform['platform']}: no copy between {gap['from']} and {gap['to']} "
        f"({gap['hours']:,.0f} hours, nights missed: {gap['nights_missed']})"
        for platform in platforms
        for gap in platform["gaps"]
    ]


def quoted(text: str) -> str:
    """Return a text as one line in which Markdown and mentions mean nothing."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def links() -> str:
    """Return links to the site, if one was published, and to the run."""
    site = setting("SITE")
    return (f"[The site]({site}) · " if site else "") + f"[This run]({run_url()})"


def run_url() -> str:
    """Return the address of this run's page."""
    repository = f"{setting('GITHUB_SERVER_URL')}/{setting('GITHUB_REPOSITORY')}"
    return f"{repository}/actions/runs/{setting('GITHUB_RUN_ID')}"


def check_in(what: str) -> None:
    """Call the check-in address, as healthchecks.io wants it, if there is one."""
    url = setting("ETHELRED_CHECK_IN_URL")
    if url:
        deliver("the check-in", url.rstrip("/") + what)


def complain(summary: Summary, trouble: list[str], page: str) -> None:
    """Post to the webhook if one is set; else open an issue, or comment on the open one."""
    webhook = setting("ETHELRED_WEBHOOK_URL")
    if webhook:
        text = f"{setting('GITHUB_WORKFLOW')} needs a look: {'; '.join(trouble)}\n{run_url()}"
        deliver("the webhook", webhook, {"text": text, "trouble": trouble, "summary": summary})
        return
    issue = open_issue()
    if issue:
        github("POST", f"issues/{issue['number']}/comments", {"body": page})
    else:
        github("POST", "issues", {"title": title(), "body": page})


def close_issue(page: str) -> None:
    """Close the issue that an earlier run has opened, if there is one."""
    issue = open_issue()
    if issue:
        github("POST", f"issues/{issue['number']}/comments", {"body": page})
        github("PATCH", f"issues/{issue['number']}", {"state": "closed"})


def open_issue() -> Summary | None:
    """Return the open issue about this workflow, if there is one."""
    found = github("GET", f"issues?state=open&per_page=100&creator={quote(AUTHOR)}") or []
    return next((issue for issue in found if issue["title"] == title()), None)


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
    # Repeating what isn't a mere question could do it twice.
    return deliver(
        "GitHub (are issues enabled in this repository's settings?)",
        *(url, body, method, headers),
        tries=TRIES if method == "GET" else 1,
    )


def deliver(
    what: str,
    url: str,
    body: object = None,
    method: str = "",
    headers: dict[str, str] | None = None,
    tries: int = TRIES,
) -> Any:
    """Send a request, and return the JSON that came back, if any.

    A failure is a warning that doesn't name the address: it may be a secret.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname != "127.0.0.1":
        print(f"::warning::{what} can't be reached: its address must begin with https://")
        return None
    data = None if body is None else json.dumps(body).encode()
    headers = {"User-Agent": "ethelred", "Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, headers, method=method or None)  # noqa: S310
    failure = ""
    for _ in range(tries):
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
                content = answer.read()
        except urllib.error.HTTPError as error:
            failure = f"HTTP {error.code}"
        except (OSError, http.client.HTTPException) as error:
            failure = type(error).__name__
        else:
            is_json = "json" in answer.headers.get("Content-Type", "")
            return json.loads(content) if is_json and content else None
    print(f"::warning::{what} can't be reached: {failure}")
    return None


if __name__ == "__main__":
    main()
