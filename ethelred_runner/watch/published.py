"""The published site: whether its address shows the newest day of the datastore."""

import time
from urllib.parse import urljoin, urlsplit

import requests

from ethelred_runner import console
from ethelred_runner.datastore import Datastore, read_status
from ethelred_runner.errors import ReportFailed, UsageError
from ethelred_runner.network import bypass_proxy_for_this_machine, is_web_address
from ethelred_runner.obtain.source import label_of
from ethelred_runner.report import MARKER

WAIT_SECONDS = 900.0  # a deployment and caches may take so long
PAUSE_SECONDS = 15.0
TIMEOUT_SECONDS = 20.0


def check_published(address: str, datastore: Datastore) -> str:
    """Wait until an address shows the newest finished day of each platform; return what it shows.

    Raises ReportFailed if it doesn't within 15 minutes, and UsageError if the address is no
    web address. A private site isn't tested.
    """
    bypass_proxy_for_this_machine()
    address = f"{address.rstrip('/')}/"
    if not is_web_address(address):
        raise UsageError(f"{label_of(address)} is no address of a site such as https://host/path")
    status = read_status(datastore.readable_path())
    days = {str(row["last_finished_day"]) for row in status if row["last_finished_day"]}
    give_up_at = time.monotonic() + WAIT_SECONDS
    with console.working(
        f"waiting for {label_of(address)} to show {max(days, default='the site')}"
    ):
        while True:
            try:
                return _look(address, days)
            except ReportFailed:
                if time.monotonic() >= give_up_at:
                    raise
                time.sleep(PAUSE_SECONDS)


def _look(address: str, days: set[str]) -> str:
    page, shown = _get(address), label_of(address)
    if page.status_code in (401, 403) or urlsplit(page.url).hostname != urlsplit(address).hostname:
        return f"{shown} asks for a login or redirects elsewhere: what it shows was not checked"
    if page.status_code != 200:
        raise ReportFailed(
            f"{shown} answers HTTP {page.status_code}; is the site published under this path?"
        )
    try:
        built_for = _get(urljoin(address, MARKER)).json()["base_path"]
    except (ValueError, KeyError, TypeError):
        raise ReportFailed(f"{shown} shows another site than Ethelred's") from None
    path = urlsplit(address).path.rstrip("/")
    if built_for != path:
        raise ReportFailed(
            f"{shown} shows a site that was built for the path {built_for or '/'}; set "
            f"ETHELRED_BASE_PATH to {path or '/'}"
        )
    if missing := [day for day in sorted(days) if f'datetime="{day}"' not in page.text]:
        raise ReportFailed(f"{shown} doesn't show the day {missing[-1]}: it has an older site")
    return f"{shown} shows the days up to {max(days, default='none yet')}"


def _get(address: str) -> requests.Response:
    try:
        return requests.get(address, headers={"Cache-Control": "no-cache"}, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise ReportFailed(
            f"{label_of(address)} can't be reached ({type(error).__name__})"
        ) from None
