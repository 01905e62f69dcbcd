"""The pages of two platforms and more than a year: controls, downloads, looks, accessibility."""

import csv
import gzip
import io
import re
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

import duckdb
import httpx
import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.site.conftest import Builds, Site, served
from tests.support.browsing import Visit, open_page

pytestmark = pytest.mark.site

PROJECT = Path(__file__).parents[2]
PICTURES = PROJECT / "test-results"
ATOM = "{http://www.w3.org/2005/Atom}"
FED = ("title", "updated", "summary")
AXE = PROJECT / "reports" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# A page's width and a pixel's size. The last two are a screen of 1,280 that a browser zooms.
SCREENS = [(1280, 1), (768, 1), (390, 1), (640, 2), (320, 4)]
ONE_FRAME = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))"
SET_TABLES = "open => document.querySelectorAll('details').forEach(one => { one.open = open })"
COUNT_LINES = """
    cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getClientRects().length;
    }
"""
DRAW_DOT = """
    style => {
        const dot = document.createElementNS('http://www.w3.org/2000/svg', 'path');
        dot.setAttribute('class', `line dot ${style}`);
        document.querySelector('svg.chart svg.drawn').append(dot);
        const {strokeLinecap, strokeDasharray, strokeWidth} = getComputedStyle(dot);
        return {strokeLinecap, strokeDasharray, strokeWidth};
    }
"""
WATCH_FOR_JUMPS = """
    window.jumps = 0;
    new PerformanceObserver(list => list.getEntries().forEach(one => { jumps += one.value }))
        .observe({type: 'layout-shift', buffered: true});
"""
PAGES = {
    "overview": "",
    "platform": "platforms/demo_workbench/",
    "completeness": "completeness/",
    "reading": "reading/",
    "about": "about/",
}


def ask(datastore: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(duckdb.connect(datastore, read_only=True)) as connection:
        return connection.execute(query).fetchall()


def table(page: Page, platform: str) -> list[list[str]]:
    """Return the rows in the chart of a platform, the newest first."""
    section = page.locator(f"[data-testid=platform][data-platform={platform}]")
    shown = section.get_by_test_id("table").first.locator("tbody tr")
    rows: list[list[str]] = shown.evaluate_all(
        "rows => rows.map(row => [...row.children].map(cell => cell.textContent.trim()))"
    )
    return rows


def test_weeks_and_months_are_what_sql_says(
    demo_site: Site, demo_datastore: Path, visit: Visit
) -> None:
    page = open_page(visit, demo_site.url)
    for grain, name in (("week", "Weeks"), ("month", "Months")):
        page.get_by_role("button", name=name, exact=True).click()
        page.get_by_role("button", name="All collected", exact=True).click()
        (newest,) = ask(
            demo_datastore,
            "select logins from logins_per_period where platform = 'opencodelists'"
            f" and period_type = '{grain}' order by starts_on desc limit 1",
        )
        assert table(page, "opencodelists")[0][1] == f"{newest[0]:,}"
        assert f"grain={grain}" in page.url


@pytest.mark.parametrize("name", ["overview", "platform"])
def test_the_first_two_figures_are_the_newest_copys_people_and_all_others_say_logins(
    demo_site: Site, demo_datastore: Path, visit: Visit, name: str
) -> None:
    people = {
        platform: [f"{week:,}", f"{month:,}"]
        for platform, week, month in ask(
            demo_datastore,
            "select platform, active_7d, active_28d from active_users"
            " qualify taken_at = max(taken_at) over (partition by platform)",
        )
    }
    page = open_page(visit, urljoin(demo_site.url, PAGES[name]))
    found = {}
    for section in page.locator("section[data-platform]").all():
        shown = section.locator("dl.figures > div").filter(has=page.locator("data"))
        labels = [label.strip() for label in shown.locator("dt").all_inner_texts()]
        assert labels[:2] == ["People in the last 7 days", "People in the last 28 days"]
        assert [label.split()[0] for label in labels[2:]] == ["Logins"] * 3
        platform = section.get_attribute("data-platform")
        found[platform] = shown.locator("data").all_inner_texts()[:2]
    assert found.items() <= people.items()
    assert len(found) == (2 if name == "overview" else 1)


def test_a_range_of_dates_shows_these_days_and_is_in_the_address(
    demo_site: Site, demo_datastore: Path, visit: Visit
) -> None:
    page = open_page(visit, demo_site.url)
    page.get_by_role("combobox").select_option("demo_workbench")
    page.get_by_label("From", exact=True).fill("2025-08-04")  # older than the query's rows
    page.get_by_label("to", exact=True).fill("2025-10-14")
    expect(page.locator("[data-testid=platform]:visible")).to_have_count(1)
    expected = ask(
        demo_datastore,
        "select logins from logins_timeseries where platform = 'demo_workbench'"
        " and day between date '2025-08-04' and date '2025-10-14' order by day desc",
    )
    assert [row[1] for row in table(page, "demo_workbench")] == [f"{n:,}" for (n,) in expected]
    assert "platform=demo_workbench&from=2025-08-04&to=2025-10-14" in page.url
    shared = open_page(visit, page.url)
    assert table(shared, "demo_workbench") == table(page, "demo_workbench")
    assert visit.errors == []


def test_an_address_that_makes_no_sense_shows_the_usual(demo_site: Site, visit: Visit) -> None:
    page = open_page(visit, f"{demo_site.url}?platform=nobody&grain=hour&from=soon&range=<b>")
    expect(page.locator("[data-testid=platform]:visible")).to_have_count(2)
    assert len(table(page, "opencodelists")) == 91
    expect(page.get_by_test_id("selection-status")).to_contain_text("There is no platform “nobody”")


def test_days_without_figures_are_those_of_the_address(demo_site: Site, visit: Visit) -> None:
    page = open_page(visit, f"{demo_site.url}?from=2030-01-01&to=2031-01-01")
    expect(page.get_by_label("From", exact=True)).to_have_value("2030-01-01")
    expect(page.get_by_label("to", exact=True)).to_have_value("2031-01-01")
    expect(page.locator("main")).to_contain_text("no finished day to show between these dates")


def test_the_platform_page_tells_of_days_outside_the_range(
    demo_site: Site, demo_datastore: Path, visit: Visit
) -> None:
    page = open_page(visit, urljoin(demo_site.url, PAGES["platform"]))
    rows = page.get_by_test_id("unusual-days").locator("tbody tr")
    ((count,),) = ask(
        demo_datastore, "select count(*) from unusual_days where platform = 'demo_workbench'"
    )
    expect(rows).to_have_count(count)
    broken = rows.filter(has_text="10 June 2026")
    expect(broken).to_contain_text("The login page was broken until the evening")
    page.get_by_role("button", name="Weeks", exact=True).click()
    broken.get_by_role("link").click()
    expect(page.get_by_test_id("range")).to_have_text("27 May 2026 to 24 June 2026")
    expect(page.get_by_label("From", exact=True)).to_have_value("2026-05-27")
    expect(page.locator("svg.chart").first).to_be_in_viewport()


def test_completeness_counts_the_nights(builds: Builds, many_site: Site, visit: Visit) -> None:
    nights = ask(
        builds.grown,
        "select count(*) filter (copies > 0), count(*) filter (is_missed)"
        " from collection_days group by platform order by platform",
    )
    page = open_page(visit, urljoin(many_site.url, PAGES["completeness"]))
    for name, counts in zip(("collected", "missed"), zip(*nights, strict=True), strict=True):
        found = page.get_by_test_id(f"nights-{name}")
        assert tuple(found.evaluate_all("all => all.map(one => Number(one.value))")) == counts
        assert sum(counts) > 0


def test_completeness_tells_which_copies_are_doubtful(
    site: Site, many_site: Site, visit: Visit
) -> None:
    for one, told in ((many_site, "Platform 0: repeated."), (site, "No appended copy")):
        page = open_page(visit, urljoin(one.url, PAGES["completeness"]))
        expect(page.get_by_test_id("doubts").locator("li")).to_contain_text([told])


def test_the_downloads_have_every_day(demo_site: Site, demo_datastore: Path, visit: Visit) -> None:
    ((days, logins),) = ask(demo_datastore, "select count(*), sum(logins) from logins_timeseries")
    page = open_page(visit, urljoin(demo_site.url, PAGES["about"]))
    with page.expect_download() as download:
        files = page.get_by_test_id("mart").filter(has_text="logins_timeseries.csv")
        files.locator("summary").click()
        files.get_by_role("link", name="logins_timeseries.csv").click()
    assert download.value.suggested_filename == "logins_timeseries.csv"
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    assert (len(rows), sum(int(row["logins"]) for row in rows)) == (days, logins)
    parquet = httpx.get(urljoin(demo_site.url, "data/v1/logins_timeseries.parquet")).content
    kept = demo_datastore.with_name("download.parquet")
    kept.write_bytes(parquet)
    assert duckdb.sql(f"select count(*), sum(logins) from '{kept}'").fetchall() == [(days, logins)]
    columns = files.locator("td code").all_inner_texts()
    assert columns == list(rows[0])


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_chart_is_taken_along_as_picture_and_figures(
    demo_site: Site, demo_datastore: Path, visit: Visit, look: Any
) -> None:
    page = visit.context.new_page()
    page.emulate_media(color_scheme=look)
    page.goto(urljoin(demo_site.url, PAGES["platform"]))
    rows = ask(
        demo_datastore,
        "select day, logins from logins_timeseries where platform = 'demo_workbench'"
        " order by day desc limit 91",
    )
    last, first = rows[0][0], rows[-1][0]
    files = {}
    for kind in ("png", "svg", "csv"):
        page.locator(f"[data-save={kind}]").focus()
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        files[kind] = download.value.path().read_bytes()
        name = f"logins Workbench (demo) {first} to {last}.{kind}"
        assert download.value.suggested_filename == name
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"taken-along-{look}.png").write_bytes(files["png"])
    assert files["png"][16:24] == (2400).to_bytes(4) + (1080).to_bytes(4)
    svg = files["svg"].decode()
    shown = f"{first:%-d %B %Y} to {last:%-d %B %Y}"
    for text in ("Workbench (demo)", shown, "Weekend", "Source: "):
        assert text in svg
    assert "rgb(74, 115, 214)" in svg  # a bar's colour on white
    taken = list(csv.DictReader(io.StringIO(files["csv"].decode())))
    assert [(row["from"], int(row["logins"])) for row in taken[::-1]] == [
        (str(day), logins) for day, logins in rows
    ]
    page.get_by_role("link", name="Link to these days").click()
    assert f"from={first}&to={last}" in page.url
    assert visit.errors == []


def test_the_feed_tells_what_the_mart_has(demo_site: Site, demo_datastore: Path) -> None:
    answer = httpx.get(urljoin(demo_site.url, "feed.xml"))
    assert "xml" in answer.headers["Content-Type"]
    feed = ElementTree.fromstring(answer.content)  # noqa: S314
    entries = feed.findall(f"{ATOM}entry")
    told = [tuple(entry.findtext(f"{ATOM}{name}") for name in FED) for entry in entries]
    assert told == ask(
        demo_datastore,
        "select title, happened_on + 1 || 'T00:00:00Z', text from feed_entries"
        " order by happened_on desc, platform, kind",
    )
    ids = [one.text for one in feed.iter(f"{ATOM}id")]
    assert len(set(ids)) == len(entries) + 1 > 50
    assert feed.findtext(f"{ATOM}updated") == told[0][1]
    for entry in entries[:3]:
        link = entry.find(f"{ATOM}link")
        assert link is not None
        assert httpx.get(urljoin(demo_site.url, link.get("href"))).status_code == 200
    linked = re.findall('application/atom.xml"[^>]*href="([^"]*)"', httpx.get(demo_site.url).text)
    assert linked == ["/feed.xml"]


def test_the_models_documentation_is_published(demo_site: Site, visit: Visit) -> None:
    page = open_page(visit, urljoin(demo_site.url, PAGES["reading"]))
    answers: list[Response] = []
    visit.context.on("response", lambda answer: answers.append(answer))
    page.get_by_role("link", name="7-day and 28-day mean").click()
    expect(page.locator("body")).to_contain_text("expected_low", timeout=20_000)
    page.wait_for_load_state("networkidle")
    assert [answer.url for answer in answers if answer.status >= 400] == []
    assert len(visit.hosts()) == 1
    documentation = (demo_site.folder / "dbt" / "index.html").read_bytes()
    assert str(PROJECT).encode() not in documentation
    assert b'<meta name="robots" content="noindex">' in documentation


@pytest.mark.parametrize(
    ("name", "path", "limit"),
    [
        ("demo_site", "", 130),
        ("demo_site", "platforms/opencodelists/", 150),
        ("many_site", "", 260),
        ("many_site", "platforms/platform_0/", 300),
    ],
)
def test_a_page_comes_in_a_few_files_and_nothing_is_fetched_after_them(
    request: pytest.FixtureRequest, visit: Visit, name: str, path: str, limit: float
) -> None:
    site = request.getfixturevalue(name)
    open_page(visit, urljoin(site.url, path)).get_by_role("button", name="collected").first.click()
    files = [
        site.folder / (urlsplit(url).path.lstrip("/") or "index.html") for url in visit.requests
    ]
    files = [file / "index.html" if file.is_dir() else file for file in files]
    assert len(files) <= 10
    assert {file.suffix for file in files} <= {".html", ".css", ".js", ".woff2", ".svg", ".ico"}
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < limit * 1000


def test_the_site_has_few_files(builds: Builds) -> None:
    files = [
        path for path in builds.demo.rglob("*") if path.is_file() and path.parent.name != "dbt"
    ]
    # The published data are extra: a file for each mart and format.
    assert len([path for path in files if "data" not in path.parts]) < 30
    assert sum(path.stat().st_size for path in files) < 6_000_000
    assert not [path for path in files if path.suffix in (".arrow", ".wasm")]


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_each_page_looks_right_and_is_accessible(
    demo_site: Site, visit: Visit, name: str, look: Any
) -> None:
    """axe checks everything, also opened tables. Pictures are kept for people."""
    PICTURES.mkdir(exist_ok=True)
    page = visit.context.new_page()
    page.emulate_media(color_scheme=look)
    page.add_init_script(WATCH_FOR_JUMPS)
    page.goto(urljoin(demo_site.url, PAGES[name]), wait_until="networkidle")
    assert page.evaluate("document.documentElement.dataset.theme") == look
    assert page.evaluate("jumps") < 0.01
    page.evaluate(AXE.read_text(encoding="utf-8"))
    screen = visit.context.new_cdp_session(page)
    violations = []
    for width, zoom in SCREENS:
        size = {"width": width, "height": 900 // zoom, "deviceScaleFactor": zoom, "mobile": False}
        # Otherwise Playwright would take the picture at its own width.
        page.set_viewport_size({"width": width, "height": 900 // zoom})
        screen.send("Emulation.setDeviceMetricsOverride", size)
        page.evaluate(ONE_FRAME)
        assert page.evaluate("[innerWidth, devicePixelRatio]") == [width, zoom]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=PICTURES / f"{name}-{width}-{look}.png", full_page=zoom == 1)
        if look == "dark" and width not in (1280, 390):
            continue  # what the widths change has been tried in light
        page.evaluate(SET_TABLES, True)
        result = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        page.evaluate(SET_TABLES, False)
        assert len(result["passes"]) > 20
        violations += [
            (width, rule["id"], rule["nodes"][0]["html"][:200]) for rule in result["violations"]
        ]
    assert violations == []
    assert visit.errors == []
    assert visit.hosts() == {urlsplit(demo_site.url).netloc}


def test_the_keyboard_reaches_the_figures_and_the_controls(demo_site: Site, visit: Visit) -> None:
    page = open_page(visit, demo_site.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the figures")).to_be_focused()
    weeks = page.get_by_role("button", name="Weeks", exact=True)
    for _ in range(20):
        page.keyboard.press("Tab")
        if weeks.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(weeks).to_have_attribute("aria-pressed", "true")


def test_a_printed_page_has_the_figures_and_no_controls(demo_site: Site, visit: Visit) -> None:
    page = open_page(visit, demo_site.url)
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Weeks", exact=True)).to_be_hidden()
    expect(page.get_by_test_id("logins-last-7d").first).to_be_visible()
    page.set_viewport_size({"width": 718, "height": 1000})  # a sheet of A4
    for path in ("completeness/", "", PAGES["platform"]):
        page.goto(urljoin(demo_site.url, path))
        assert page.evaluate("document.documentElement.scrollWidth") <= 718
    word = page.get_by_test_id("unusual-days").get_by_role("columnheader", name="Logins")
    assert word.evaluate(COUNT_LINES) == 1


def test_a_night_between_two_gaps_is_a_dot_in_each_line(demo_site: Site, visit: Visit) -> None:
    """No dash, and no end that is cut off, makes it vanish."""
    page = open_page(visit, urljoin(demo_site.url, PAGES["platform"]))
    for style in ("days1", "days7", "days28", "days28 second", "days90", "mean28"):
        drawn = page.evaluate(DRAW_DOT, style)
        assert drawn["strokeLinecap"] == "round", style
        assert drawn["strokeDasharray"] == "none", style
        assert float(drawn["strokeWidth"].removesuffix("px")) >= 5, style


@pytest.mark.parametrize("width", [1280, 700, 390, 320])
def test_a_number_of_millions_stays_on_one_line(many_site: Site, visit: Visit, width: int) -> None:
    # The system's typeface is wider. A slow line and a network that blocks fonts show it.
    visit.context.route("**/*.woff2*", lambda route: route.abort())
    page = open_page(visit, urljoin(many_site.url, "platforms/platform_8/"))
    page.set_viewport_size({"width": width, "height": 900})
    for name in ("people-last-28d", "logins-last-7d", "logins-shown"):
        number = page.get_by_test_id(name).first
        assert re.fullmatch(r"\d{1,3}(,\d{3})+", number.inner_text())
        assert number.evaluate(COUNT_LINES) == 1
        assert number.evaluate("one => one.offsetWidth <= one.parentElement.offsetWidth")
        assert number.evaluate("one => parseFloat(getComputedStyle(one).fontSize)") >= 9


def test_ten_platforms_can_be_seen_at_a_glance(many_site: Site, visit: Visit) -> None:
    page = open_page(visit, many_site.url)
    rows = page.get_by_test_id("at-a-glance").locator("tbody tr")
    expect(rows).to_have_count(10)
    # One is silent and one had an unusual day.
    leading = ["OpenCodelists9", "OpenCodelists5", "OpenCodelists0"]
    assert rows.locator("th").all_inner_texts()[:3] == leading
    box = page.locator(".glance .scroll")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    sections = page.get_by_test_id("platform")
    expect(sections).to_have_count(10)
    for n in (0, 9):
        figure = sections.nth(n).get_by_test_id("logins-last-finished-day").inner_text()
        expect(rows.nth(n).locator("td.last")).to_have_text(figure)
        people = sections.nth(n).get_by_test_id("people-last-28d").inner_text()
        expect(rows.nth(n).locator("td").nth(1)).to_have_text(people)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.locator("*").count() < 20_000
    page.get_by_role("combobox").select_option("platform_7")
    page.get_by_role("link", name="Platforms side by side").click()
    assert page.url.endswith("?platform=platform_7#side-by-side")
    link = page.get_by_role("link", name="Link to these days").locator("visible=true")
    assert "platform=platform_7&" in (link.get_attribute("href") or "")
    page.get_by_role("button", name="All collected", exact=True).click()
    expect(page.get_by_test_id("range").locator("visible=true")).to_contain_text(" 2016 to ")
    expect(sections.locator("svg.chart:visible")).to_have_count(1)
    expect(page.get_by_text("has the 7-day means and").locator("visible=true")).to_have_count(1)
    page.goto(urljoin(many_site.url, "completeness/"))
    assert page.locator("*").count() < 20_000
    assert visit.errors == []


def test_without_scripts_nothing_is_offered_that_does_nothing(
    demo_site: Site, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(demo_site.url)
    expect(page.get_by_test_id("verdict").first).to_be_visible()
    expect(page.get_by_role("button", name="Weeks", exact=True)).to_be_hidden()
    expect(page.get_by_label("Platform All")).to_be_hidden()
    expect(page.get_by_text("Up to date.").first).to_be_hidden()  # only a clock can tell
    chart = page.locator("svg.chart .bar").first.bounding_box()
    assert chart is not None
    assert chart["height"] > 100
    page.get_by_test_id("table").first.locator("summary").click()
    expect(page.get_by_test_id("table").first.locator("tbody tr").first).to_be_visible()
    context.close()


def test_the_days_are_spelled_out_in_whatever_way_the_browser_writes_dates(
    demo_site: Site, visit: Visit
) -> None:
    first, last = (date.today() - timedelta(days) for days in (56, 24))
    page = open_page(visit, f"{demo_site.url}?from={first}&to={last}")
    days = page.get_by_test_id("range").first
    expect(days).to_have_text(f"{first:%-d %B %Y} to {last:%-d %B %Y}")
    page.get_by_role("button", name="4 weeks", exact=True).click()
    last, first = (
        date.fromisoformat(page.get_by_label(name, exact=True).input_value())
        for name in ("to", "From")
    )
    assert (last - first).days == 27
    expect(days).to_contain_text(f"{first:%-d %B %Y} to ")


def test_a_site_without_a_login_says_so(builds: Builds, visit: Visit) -> None:
    assert not (builds.empty / "platforms").exists()
    with served(builds.empty) as site:
        page = open_page(visit, site.url)
        expect(page.get_by_test_id("no-platforms")).to_contain_text("There is no login to show yet")
        for path in ("completeness/", "about/"):
            expect(open_page(visit, urljoin(site.url, path)).locator("h1")).to_be_visible()
    assert visit.errors == []
