"""The built site, served as `ethelred serve` does, and a real browser to look at it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, sync_playwright

from tests.conftest import PROGRAM, Ethelred

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


@dataclass(frozen=True)
class Site:
    """A built site and where it is served."""

    folder: Path
    url: str


@pytest.fixture(scope="session", params=["", "/ethelred"], ids=["root", "sub-path"])
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    ethelred: Ethelred,
    datastore: Path,
) -> Iterator[Site]:
    """Build the site for a host's root and for a sub-path, and serve it."""
    folder = tmp_path_factory.mktemp("site") / "site"
    base_path = ["--base-path", request.param] if request.param else []
    ethelred("report", "--datastore", datastore, "--site", folder, *base_path)
    command = [str(PROGRAM), "serve", "--site", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = next(word for word in server.stdout.readline().split() if "://" in word)
        assert urlsplit(url).path == f"{request.param}/"
        yield Site(folder, url)
        server.terminate()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the Chromium of the system: Playwright's own would have to be downloaded."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "these tests need Chromium: apt-get install chromium, or set CHROMIUM to its path"
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
