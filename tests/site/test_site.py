"""In a real browser the site shows the true figures, and asks no other host."""

import os
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.site.conftest import Site
from tests.support.browsing import Visit, open_page
from tests.support.program import SAMPLES
from tests.support.truth import Night, london_day, visible_logins

pytestmark = pytest.mark.site

PAGES = ["", "platforms/opencodelists/", "completeness/", "reading/", "about/"]
PICTURES = Path(__file__).parents[2] / "test-results"
LAST_DAY = date(2026, 3, 29)


@pytest.fixture(scope="session")
def per_day(nights: list[Night]) -> Counter[date]:
    """Count the visible logins by day, from the ground truth."""
    visible = visible_logins(SAMPLES / "opencodelists", nights)
    return Counter(london_day(moment) for moment, _ in visible)


def last_days(per_day: Counter[date], days: int) -> int:
    return sum(per_day[LAST_DAY - timedelta(days=n)] for n in range(days))


def figure(page: Page, name: str) -> int:
    value = page.get_by_test_id(name).first.get_attribute("value")
    assert value is not None
    return int(value)


def test_the_figures_are_the_truth(
    site: Site, visit: Visit, per_day: Counter[date], nights: list[Night]
) -> None:
    page = open_page(visit, site.url)
    assert figure(page, "logins-last-finished-day") == per_day[LAST_DAY]
    assert figure(page, "logins-last-7d") == last_days(per_day, 7)
    collected = (LAST_DAY - london_day(nights[0].taken_at)).days + 1
    assert figure(page, "logins-shown") == last_days(per_day, min(collected, 91))
    expect(page.get_by_test_id("newest-copy").first).to_have_text("30 March 2026")
    expect(page.get_by_test_id("last-finished-day").first).to_contain_text("29 March 2026")


def test_the_chart_is_there_and_its_table_has_the_figures(
    site: Site, visit: Visit, per_day: Counter[date]
) -> None:
    page = open_page(visit, urljoin(site.url, "platforms/opencodelists/"))
    chart = page.get_by_test_id("chart").first
    drawing = chart.locator("svg").first
    expect(drawing).to_be_visible()
    box = drawing.bounding_box()
    assert box is not None
    assert box["width"] > 300
    assert box["height"] > 100
    table = page.get_by_test_id("table").first
    table.locator("summary").click()
    busiest = date(2026, 3, 23)
    row = table.locator("tr", has_text="23 March 2026")
    expect(row).to_contain_text(str(per_day[busiest]))


@pytest.mark.parametrize("path", PAGES)
def test_no_request_leaves_the_site_and_nothing_complains(
    site: Site, visit: Visit, path: str
) -> None:
    page = open_page(visit, urljoin(site.url, path))
    expect(page.locator("h1").first).to_be_visible()
    assert visit.hosts() == {urlsplit(site.url).netloc}
    assert visit.errors == []
    assert all(urlsplit(url).path.startswith(urlsplit(site.url).path) for url in visit.requests)


def test_every_link_of_the_site_leads_somewhere(site: Site, visit: Visit) -> None:
    page = open_page(visit, site.url)
    links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    own = {link for link in links if urlsplit(link).netloc == urlsplit(site.url).netloc}
    assert len(own) >= 5
    assert {link: page.request.get(link).status for link in own} == dict.fromkeys(own, 200)


def test_the_figures_are_there_without_a_query_engine(
    site: Site, browser: Browser, per_day: Counter[date]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url)
    assert figure(page, "logins-last-7d") == last_days(per_day, 7)
    expect(page.get_by_test_id("newest-copy").first).to_have_text("30 March 2026")
    context.close()


@pytest.mark.parametrize(
    "path",
    ["no/such/page", "%00", "a" * 5000, "..%2f..%2fetc/passwd", "link", "platforms/", "%ff%fe"],
)
def test_what_is_no_file_of_the_site_is_missing(site: Site, path: str) -> None:
    link = site.folder / f"link-{os.getpid()}"  # all workers serve this folder
    link.symlink_to("/etc/hostname")
    answer = httpx.get(f"{site.url}{path.replace('link', link.name)}")
    link.unlink()
    assert answer.status_code == 404
    assert "There is no page here" in answer.text
