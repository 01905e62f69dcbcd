"""A real browser to look at a site with; one for all tests, of which two can't run in a process."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, sync_playwright

from tests.support.servers import needed

# Without these Chromium asks its makers' hosts for updates at every start.
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Visit:
    """A browser's visit to the site, with everything that it asked for and complained about."""

    context: BrowserContext
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def hosts(self) -> set[str]:
        """Return the hosts that were asked for anything."""
        return {urlsplit(url).netloc for url in self.requests if urlsplit(url).netloc}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the Chromium of the system: Playwright's own would have to be downloaded."""
    path = os.environ.get("CHROMIUM") or needed("chromium", "chromium, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open a fresh context, and note what it asks for and complains about."""
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
