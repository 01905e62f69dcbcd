"""A real browser for all tests of a process, which can run only one."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.servers import needed

# Without these Chromium looks for updates at every start.
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Visit:
    """A browser's visit to the site, with all its requests and errors."""

    context: BrowserContext
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def hosts(self) -> set[str]:
        """Return the hosts of all requests."""
        return {urlsplit(url).netloc for url in self.requests if urlsplit(url).netloc}


def open_page(visit: Visit, url: str) -> Page:
    """Open a page in a tab of its own, and wait until everything has arrived."""
    page = visit.context.new_page()
    page.goto(url, wait_until="networkidle")
    return page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium, so that Playwright needn't download one."""
    path = os.environ.get("CHROMIUM") or needed("chromium", "chromium, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open a new context, and record its requests and errors."""
    context = browser.new_context(locale="en-GB", timezone_id="Europe/London")
    found = Visit(context)

    def complained(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.errors.append(message.text)

    context.on("request", lambda request: found.requests.append(request.url))
    context.on("console", complained)
    context.on("weberror", lambda error: found.errors.append(str(error.error)))
    yield found
    context.close()
