"""`check --site` looks at a published site, on a real web server."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ethelred_runner.datastore import open_datastore
from ethelred_runner.errors import ReportFailed
from ethelred_runner.network import is_web_address
from ethelred_runner.watch import published
from tests.support.datastores import query
from tests.support.program import Ethelred
from tests.support.services import Request, Service, served
from tests.support.truth import Night


@dataclass
class Host(Service):
    """A host whose answers may change with each request."""

    pages: list[tuple[int, str]] = field(default_factory=list)
    marker: str = json.dumps({"base_path": "/logins"})

    def answer(self, request: Request) -> tuple[int, bytes]:
        if request.path == "/logins/ethelred-site.json":
            return 200, self.marker.encode()
        status, text = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        return status, text.encode()


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(published, "WAIT_SECONDS", 5.0)
    monkeypatch.setattr(published, "PAUSE_SECONDS", 0.05)
    found = Host()
    with served(found):
        found.url += "/logins"
        yield found


def look(host: Host, datastore: Path) -> str:
    with open_datastore(str(datastore)) as store:
        return published.check_published(host.url.replace("//", "//me:hunter2@"), store)


def shown(day: object) -> tuple[int, str]:
    return 200, f'<time datetime="{day}">'


def test_a_site_may_be_old_until_the_deployment_has_arrived(host: Host, datastore: Path) -> None:
    ((newest, before),) = query(datastore, "select max(day), max(day) - 1 from logins_timeseries")
    host.pages = [(404, ""), shown(before), shown(newest)]
    assert look(host, datastore) == f"{host.url}/ shows the days up to {newest}"


@pytest.mark.parametrize("status", [401, 403, 302])
def test_a_private_site_is_no_trouble(status: int, host: Host, datastore: Path) -> None:
    host.pages = [(status, host.url.replace("127.0.0.1", "localhost")), (200, "Log in")]
    assert "asks for a login" in look(host, datastore)


@pytest.mark.parametrize(
    ("page", "marker", "said"),
    [
        (shown("2026-01-01"), '{"base_path": "/logins"}', "doesn't show the day 2026-03-29"),
        (shown("2026-03-29"), '{"base_path": ""}', "set ETHELRED_BASE_PATH to /logins"),
        (shown("2026-03-29"), "<html>", "another site than Ethelred's"),
        ((404, ""), "", "answers HTTP 404"),
        ((500, ""), "", "answers HTTP 500"),
    ],
)
def test_what_is_wrong_with_the_published_site_is_said(
    page: tuple[int, str],
    marker: str,
    said: str,
    host: Host,
    datastore: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(published, "WAIT_SECONDS", 0.2)
    host.pages, host.marker = [page], marker
    with pytest.raises(ReportFailed, match=said):
        look(host, datastore)


def test_a_source_is_tried_and_what_it_shows_is_said(
    ethelred: Ethelred, datastore: Path, nights: list[Night], tmp_path: Path
) -> None:
    at = ("--datastore", datastore, "--site", tmp_path / "site")
    before = datastore.read_bytes()
    done = ethelred("check", nights[0].raw, *at)
    users = nights[0].truth["users"]
    assert f"opencodelists: {users} users, " in done.stdout
    assert " to 2026-03-2" in done.stdout
    assert datastore.read_bytes() == before
    done = ethelred("check", f"job-server={nights[0].raw}", *at, code=4)
    assert "it has no table jobserver_user; is it Job Server's?" in done.stderr


def test_an_address_that_is_no_web_address_is_refused_at_once(
    ethelred: Ethelred, datastore: Path
) -> None:
    for address in ("ftp://host/x", "https:///x", "https://ho st/", "https://[::1"):
        done = ethelred("check", "--site", address, "--datastore", datastore, code=2)
        assert "is no address of a site" in done.stderr
    assert is_web_address("http://me@[::1]:8000/x")
