"""The site in other browsers, networks, time zones and languages, and on paper."""

import base64
import re
import subprocess
import sys
from datetime import UTC, date, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.site.conftest import LONG_NOTE, Builds, Site
from tests.site.test_pages import ask, table
from tests.support.browsing import Visit, open_page

pytestmark = pytest.mark.site

REPORTS = Path(__file__).parents[2] / "reports"
PLATFORM = "platforms/demo_workbench/"
DENY_STORAGE = """
    Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied') }});
"""
LOOK = """
    card => [getComputedStyle(card).borderTopColor,
        getComputedStyle(card.querySelector('.verdict.usual')).color]
"""
EPOCH = date(1970, 1, 1)
NONE = "\N{EN DASH}"
LONG_DAY = r"\d+ \w+ \d{4}"
BREAK_SCRIPT = "JSON.parse = () => { throw new Error('broken') };"
BREAK_LATER = "addEventListener('load', () => { Map = undefined; Object.entries = undefined });"
TRANSLATE = """
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walk.nextNode()) texts.push(walk.currentNode);
    for (const text of texts.filter(text => !text.parentNode.closest('script, svg'))) {
        const font = document.createElement('font');
        text.replaceWith(font);
        font.append(text);
    }
"""
# The colours of a picture's first row.
PIXELS = """
    async source => {
        const image = await createImageBitmap(await (await fetch(source)).blob());
        const context = new OffscreenCanvas(image.width, 1).getContext('2d');
        context.drawImage(image, 0, 0);
        const data = new DataView(context.getImageData(0, 0, image.width, 1).data.buffer);
        return Array.from({length: image.width}, (_, i) =>
            '#' + (data.getUint32(4 * i) >>> 8).toString(16).padStart(6, '0'));
    }
"""
# The visible boxes of the labels on the axes, which must not touch or be cut.
LABELS = """
    () => [...document.querySelectorAll('svg.chart')].map(chart =>
        ['.times text', '.numbers text'].map(labels => [...chart.querySelectorAll(labels)]
            .map(label => label.getBoundingClientRect()).filter(box => box.width)
            .map(box => [box.left, box.right, box.top, box.bottom])))
"""


def weeks(page: Page) -> Locator:
    return page.get_by_role("button", name="Weeks", exact=True)


def works(page: Page) -> None:
    """Check that the controls are visible and draw other figures."""
    weeks(page).click()
    expect(page.get_by_test_id("range").first).to_contain_text(" to ")
    expect(page.locator("figcaption").first).to_contain_text("Logins per week")
    assert "grain=week" in page.url


def is_whole_without_script(page: Page) -> None:
    """Check that the figures are visible, and that controls without a script aren't."""
    expect(page.get_by_test_id("verdict").first).to_be_visible()
    expect(page.locator("svg.chart .bar").first).to_be_visible()
    expect(weeks(page)).to_be_hidden()


@pytest.mark.parametrize("path", ["", "index.html", PLATFORM, f"{PLATFORM}index.html"])
def test_whatever_else_is_refused_the_page_works(demo_site: Site, visit: Visit, path: str) -> None:
    page = visit.context.new_page()
    page.add_init_script(DENY_STORAGE)
    page.route(re.compile(r"\.(arrow|wasm|parquet|csv|json)"), lambda route: route.abort())
    page.goto(urljoin(demo_site.url, path))
    works(page)
    page.locator("[data-appearance]").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert visit.errors == []


@pytest.mark.parametrize("harm", ["refused", "empty", "broken"])
def test_without_its_script_a_page_is_whole(demo_site: Site, visit: Visit, harm: str) -> None:
    page = visit.context.new_page()

    def answer(route: Route) -> None:
        if harm == "refused":
            route.abort()
        elif harm == "empty":
            route.fulfill(body="", content_type="text/javascript")
        else:
            route.continue_()

    page.route("**/site.js*", answer)
    if harm == "broken":
        page.add_init_script(BREAK_SCRIPT)
    page.goto(demo_site.url)
    is_whole_without_script(page)


def test_an_error_while_drawing_leaves_what_is_there(demo_site: Site, visit: Visit) -> None:
    page = visit.context.new_page()
    page.add_init_script(BREAK_LATER)
    page.goto(demo_site.url, wait_until="load")
    before = page.locator("figure").first.inner_html()
    weeks(page).click()
    assert page.locator("figure").first.inner_html() == before
    assert visit.errors


def test_the_policy_is_in_each_page_and_is_sent_by_serve(demo_site: Site) -> None:
    for path in ("", PLATFORM, "about/", "no/such/page"):
        answer = httpx.get(urljoin(demo_site.url, path))
        (policy,) = re.findall(
            r'http-equiv="Content-Security-Policy" content="([^"]*)"', answer.text
        )
        assert answer.headers["Content-Security-Policy"] == policy
        assert "script-src 'self';" in policy
        assert policy.startswith("default-src 'none'")
        assert not re.findall(r"<script(?! src=| type=.application/json)", answer.text)
    assert (
        "Content-Security-Policy" not in httpx.get(urljoin(demo_site.url, "dbt/index.html")).headers
    )


def test_the_script_runs_in_the_oldest_browsers_that_are_supported(demo_site: Site) -> None:
    """acorn parses it as the language of 2022, which these browsers know."""
    code = "require('acorn').parse(require('fs').readFileSync(0, 'utf8'), {ecmaVersion: 2022})"
    script = (demo_site.folder / "assets" / "site.js").read_text(encoding="utf-8")
    node = Path(sys.executable).with_name("node")
    done = subprocess.run([node, "-e", code], cwd=REPORTS, input=script, text=True, check=False)
    assert done.returncode == 0
    assert not re.findall(r"\.(findLast|toSorted|toReversed|toSpliced|groupBy)\(", script)


@pytest.mark.parametrize("zone", ["Europe/London", "America/Los_Angeles", "Pacific/Auckland"])
def test_each_reader_sees_the_same_days(
    demo_site: Site, demo_datastore: Path, browser: Browser, zone: str
) -> None:
    context = browser.new_context(timezone_id=zone, locale="en-US")
    page = context.new_page()
    page.goto(f"{demo_site.url}?range=1y")
    rows = ask(
        demo_datastore,
        "select strftime(day, '%A %-d %B %Y'), logins from logins_timeseries"
        " where platform = 'opencodelists' order by day desc limit 100",
    )
    assert [row[:2] for row in table(page, "opencodelists")] == [[day, f"{n:,}"] for day, n in rows]
    context.close()


def test_what_is_under_mouse_finger_and_arrow_keys_is_said(
    demo_site: Site, demo_datastore: Path, browser: Browser
) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 900, "height": 1000})
    page = context.new_page()
    page.goto(urljoin(demo_site.url, PLATFORM))
    days = ask(
        demo_datastore,
        "select strftime(day, '%A %-d %B %Y'), logins from logins_timeseries"
        " where platform = 'demo_workbench' order by day desc limit 91",
    )[::-1]
    chart, tip = page.locator("svg.chart").first, page.locator(".tip")
    box = chart.bounding_box()
    assert box is not None
    for place in (0, 45, 90):
        at = (box["x"] + (place + 0.5) / 91 * box["width"], box["y"] + 50)
        day, logins = days[place]
        for act in (page.mouse.move, page.touchscreen.tap):
            act(*at)
            expect(tip).to_contain_text(day)
            expect(tip).to_contain_text(f"{logins:,} login")
            page.mouse.move(5, 5)
            expect(tip).to_be_hidden()
    chart.focus()
    for key, place in (("ArrowLeft", 90), ("ArrowLeft", 89), ("Home", 0), ("ArrowRight", 1)):
        page.keyboard.press(key)
        expect(tip).to_contain_text(days[place][0])
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    calendar = page.locator("svg.calendar[data-start]").first
    calendar.scroll_into_view_if_needed()
    square = calendar.bounding_box()
    assert square is not None
    start = EPOCH + timedelta(days=int(calendar.get_attribute("data-start") or ""))
    ((noted, text),) = ask(
        demo_datastore,
        "select day, text from day_notes where platform = 'demo_workbench'"
        " and kind = 'annotation' and year(day) = 2026 order by day limit 1",
    )
    week = (noted - start + timedelta(days=start.weekday())).days // 7
    pixel = square["height"] / 108
    at = (34 + (week + 0.4) * 13, 16 + (noted.weekday() + 0.4) * 13)
    for act in (page.mouse.move, page.touchscreen.tap):
        act(square["x"] + at[0] * pixel, square["y"] + at[1] * pixel)
        expect(tip).to_contain_text(f"{noted:%A %-d %B %Y}")
        expect(tip).to_contain_text(text)
        page.mouse.move(5, 5)
        expect(tip).to_be_hidden()
    context.close()


@pytest.mark.parametrize(
    "path", ["", "?range=4w", "?range=1y", "?grain=week&range=all", "?grain=month", PLATFORM]
)
def test_labels_never_meet_nor_are_cut(demo_site: Site, visit: Visit, path: str) -> None:
    page = open_page(visit, urljoin(demo_site.url, path))
    for width in (320, 390, 768, 1280, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("innerWidth") == width
        for times, numbers in page.evaluate(LABELS):
            assert times
            assert len(numbers) > 1
            for left, right, _, _ in times + numbers:
                assert left >= 0
                assert right <= width
            assert all(one[1] + 4 < next_[0] for one, next_ in pairwise(times))
            assert all(lower[2] > upper[3] for lower, upper in pairwise(numbers))
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_date_can_be_typed(demo_site: Site, visit: Visit) -> None:
    page = open_page(visit, f"{demo_site.url}?range=all")
    field = page.get_by_label("From", exact=True)
    last = page.get_by_label("to", exact=True).input_value()
    field.focus()
    field.press_sequentially("10012026")  # in either order
    weeks(page).focus()
    assert re.search(r"from=2026-(10-01|01-10)&to=" + last, page.url)
    field.fill("1980-01-01")
    weeks(page).focus()
    assert "1980" not in page.url
    assert field.input_value().startswith("2026")
    weeks(page).click()
    before = page.url
    field.focus()
    field.press_sequentially("10102026")  # the same date in both orders, a Saturday
    assert page.url == before
    weeks(page).focus()
    assert "from=2026-10-10&" in page.url
    assert field.input_value() == "2026-10-05"  # its whole week
    page.go_back()
    assert page.url == before


def test_an_open_tab_grows_stale(demo_site: Site, demo_datastore: Path, visit: Visit) -> None:
    ((stale_at,),) = ask(demo_datastore, "select min(stale_at) from platform_headlines")
    page = visit.context.new_page()
    page.clock.install(time=stale_at.replace(tzinfo=UTC) - timedelta(minutes=1))
    page.goto(demo_site.url)
    warning, age = page.get_by_test_id("stale").first, page.get_by_test_id("age").first
    card = page.locator("dl.figures.logins:has(.usual)").first
    looks = [card.evaluate(LOOK)]
    expect(warning).to_be_hidden()
    expect(age).to_be_hidden()
    page.clock.fast_forward("02:00")
    expect(warning).to_contain_text("OpenCodelists: these figures are not up to date")
    expect(age).to_contain_text("later days are missing")
    looks.append(card.evaluate(LOOK))
    assert all(before != after for before, after in zip(*looks, strict=True))


def test_what_is_wrong_with_a_platform_is_said(many_site: Site, visit: Visit) -> None:
    page = open_page(visit, many_site.url)
    expect(page.get_by_test_id("silent")).to_contain_text("nobody has logged in on 3 days")
    page.goto(urljoin(many_site.url, "platforms/platform_8/"))
    expect(page.get_by_text("No day could be compared with others yet.")).to_be_visible()
    expect(page.get_by_test_id("silent")).to_have_count(0)


@pytest.mark.parametrize("page", ["about", "reading"])
@pytest.mark.parametrize(("name", "zone"), [("demo", "UK time"), ("many", "Pacific/Auckland")])
def test_the_zone_of_the_days_is_named(builds: Builds, name: str, zone: str, page: str) -> None:
    text = (getattr(builds, name) / page / "index.html").read_text(encoding="utf-8")
    assert re.findall("UK time|Pacific/Auckland|United Kingdom", text) == [zone]


def test_a_note_is_told_once_and_stands_at_each_of_its_days(many_site: Site, visit: Visit) -> None:
    page = visit.context.new_page()
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(many_site.url)
    section = page.locator("[data-platform=platform_0]")
    (note,) = section.locator(".notes li").filter(has_text=LONG_NOTE).all()
    assert re.match(rf"{LONG_DAY} to {LONG_DAY} Everybody", note.inner_text())
    rows = section.get_by_test_id("table").first.locator("tr")
    section.locator(".figures-table summary").first.click()
    told = re.compile(rf"{LONG_NOTE} \({LONG_DAY} to {LONG_DAY}\)")
    expect(rows.filter(has_text=told)).to_have_count(3)
    cell = rows.filter(has_text=LONG_NOTE).first.locator("td.note")
    assert cell.evaluate("cell => cell.getBoundingClientRect().width") <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(rows.filter(has_text="Further copy")).to_have_count(1)
    page.emulate_media(media="print")
    expect(note).to_be_visible()


def test_a_translated_page_changes_as_a_whole(demo_site: Site, visit: Visit) -> None:
    page = open_page(visit, demo_site.url)
    page.evaluate(f"() => {{ {TRANSLATE} }}")
    weeks(page).click()
    expect(page.locator("figcaption").first).to_contain_text("Logins per week")
    assert " to " in table(page, "opencodelists")[0][0]


def test_the_address_says_what_is_shown(demo_site: Site, visit: Visit) -> None:
    page = open_page(visit, f"{demo_site.url}?range=1y&platform=demo_workbench")
    expect(page.locator("[data-testid=platform]:visible")).to_have_count(1)
    page.get_by_role("link", name="Overview").click()
    expect(page.locator("[data-testid=platform]:visible")).to_have_count(2)
    year = page.get_by_role("button", name="1 year")
    expect(year).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="OpenCodelists", exact=True).last.click()
    expect(year).to_have_attribute("aria-pressed", "true")
    weeks(page).click()
    page.go_back()
    expect(page.locator("figcaption").first).to_contain_text("Logins per day")
    expect(year).to_have_attribute("aria-pressed", "true")
    page.goto(f"{demo_site.url}?grain=toString&range=constructor")
    works(page)


def test_a_year_earlier_is_a_line_by_one_button(
    demo_site: Site, demo_datastore: Path, visit: Visit
) -> None:
    page = open_page(visit, urljoin(demo_site.url, PLATFORM))
    page.get_by_role("button", name="A year earlier").click()
    assert "grain=week&compare=year" in page.url
    expect(page.locator("svg.chart .line.before").last).to_be_visible()
    found = ask(
        demo_datastore,
        "select logins_year_before from logins_per_period"
        " where platform = 'demo_workbench' and period_type = 'week'"
        " order by starts_on desc limit 52",
    )
    cells = [row[2] for row in table(page, "demo_workbench")]
    assert cells == [NONE if n is None else f"{n:,}" for (n,) in found][: len(cells)]
    assert any(cell != NONE for cell in cells)
    months = page.get_by_test_id("months").locator("tbody tr")
    expect(months).to_have_count(12)
    shown = ask(
        demo_datastore,
        "select logins from months_compared where platform = 'demo_workbench' order by month",
    )
    texts = [NONE if n is None else f"{n:,}" for (n,) in shown]
    assert months.locator("td:nth-child(3)").all_inner_texts() == texts


def test_the_card_and_the_total_are_those_of_the_days_shown(
    demo_site: Site, demo_datastore: Path, visit: Visit
) -> None:
    page = open_page(visit, urljoin(demo_site.url, PLATFORM))
    for range_, days in (
        ("3 months", 91),
        ("1 year", 365),
        ("4 weeks", 28),
        ("All collected", 1000),
    ):
        page.get_by_role("button", name=range_, exact=True).click()
        ((total,),) = ask(
            demo_datastore,
            "select sum(logins) from logins_timeseries where platform = 'demo_workbench'"
            " and coverage != 'before_collection'"
            f" and day > (select max(day) from logins_timeseries) - {days}",
        )
        expect(page.get_by_test_id("total")).to_have_text(f"{total:,} logins")
        expect(page.get_by_test_id("logins-shown")).to_have_text(f"{total:,}")


def test_what_christmas_did_is_told_at_the_chart(demo_site: Site, visit: Visit) -> None:
    page = open_page(visit, urljoin(demo_site.url, f"{PLATFORM}?range=1y"))
    notes = page.locator(".notes li")
    told = re.compile(r"Christmas Day: \d+ logins?, usually \d+ to \d+\. Quiet, as expected$")
    expect(notes.filter(has_text="25 December 2025")).to_have_text(told)
    told = re.compile(r"3 January 2026 Closed for Christmas: \d+ logins in 12 days\. Quiet, as ex")
    expect(notes.filter(has_text="23 December 2025")).to_have_text(told)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_the_first_figure_and_the_chart_are_on_the_first_screen(
    demo_site: Site, visit: Visit, width: int, height: int
) -> None:
    """On a phone with the controls below them."""
    page = visit.context.new_page()
    page.set_viewport_size({"width": width, "height": height})
    for path in ("", PLATFORM):
        page.goto(urljoin(demo_site.url, path), wait_until="networkidle")
        figure = page.get_by_test_id("people-last-7d").first.bounding_box()
        chart = page.locator("svg.chart .drawn").first.bounding_box()
        controls = page.locator("form.controls").bounding_box()
        assert figure and chart and controls
        end = controls["y"] + 1 if width == 390 else height
        assert figure["y"] < chart["y"] < chart["y"] + chart["height"] <= end


def test_a_term_is_told_where_it_stands(demo_site: Site, visit: Visit) -> None:
    page = visit.context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(demo_site.url)
    for term in page.locator("section").first.locator("details.term").all():
        told = term.locator("p")
        expect(told).to_be_hidden()
        term.locator("summary").click()
        expect(told).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        term.locator("summary").click()
    page.emulate_media(media="print")
    expect(page.locator("details.term summary").first).to_be_visible()


def test_a_chart_is_sharp_however_it_is_zoomed(demo_site: Site, browser: Browser) -> None:
    """Between two colours of the chart an edge has one mixed pixel, and a bitmap's has four."""
    context = browser.new_context(device_scale_factor=4)
    page = context.new_page()
    page.goto(demo_site.url)
    box = page.locator("svg.chart .drawn").first.bounding_box()
    assert box is not None
    picture = page.screenshot(
        clip={"x": box["x"], "y": box["y"] + box["height"] - 4, "width": box["width"], "height": 1},
        full_page=True,
    )
    blank = context.new_page()
    pixels = blank.evaluate(PIXELS, f"data:image/png;base64,{base64.b64encode(picture).decode()}")
    whole = {colour["light"] for colour in palette().values()}
    edges = [len([*run]) for is_whole, run in groupby(pixels, whole.__contains__) if not is_whole]
    assert len(edges) > 150  # two of each bar, at least
    assert set(edges) == {1}
    context.close()


def test_a_long_name_fits_a_phone(demo_site: Site, visit: Visit) -> None:
    for path in ("", PLATFORM, "about/", "completeness/"):
        page = visit.context.new_page()
        page.set_viewport_size({"width": 390, "height": 900})
        page.goto(urljoin(demo_site.url, path))
        for name in ("A platform with a name of sixty-eight letters " + "x" * 22, "W" * 68):
            page.evaluate(
                "name => document.querySelectorAll('h1, h2 a, h2, tbody a, .notes li, strong')"
                ".forEach(element => { element.textContent = name })",
                name,
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_printed_from_a_dark_screen_it_is_light(demo_site: Site, visit: Visit) -> None:
    page = visit.context.new_page()
    page.emulate_media(color_scheme="dark")
    page.goto(demo_site.url)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator(".controls")).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_forced_colours_tell_the_kinds_apart(demo_site: Site, visit: Visit) -> None:
    page = visit.context.new_page()
    page.emulate_media(forced_colors="active")
    page.goto(urljoin(demo_site.url, f"{PLATFORM}?range=first"))
    looks = page.evaluate(
        "() => [...document.querySelectorAll('svg.drawn .bar, svg.calendar g path')].map(path => {"
        " const style = getComputedStyle(path);"
        " return [path.classList.value, [style.fill, style.fillOpacity, style.stroke].join()] })"
    )
    bars = {name: look for name, look in looks if name.startswith("bar")}
    squares = {name: look for name, look in looks if not name.startswith("bar")}
    assert len(set(squares.values())) == len(squares) >= 4
    assert len(set(bars.values())) == len(bars) == 5
    keys = page.evaluate(
        "() => [...document.querySelectorAll('.legend .key.bar')].map(key => {"
        " const style = getComputedStyle(key);"
        " return [style.backgroundColor, style.borderColor].join() })"
    )
    assert len(set(keys)) == len(bars)
    underlined = "links => links.map(link => getComputedStyle(link).textDecorationLine)"
    page.goto(demo_site.url)
    assert page.locator("nav a").evaluate_all(underlined) == ["underline", "none", "none", "none"]


def palette() -> dict[str, dict[str, str]]:
    """Return the colours of the pages by name and appearance."""
    config = yaml.safe_load((REPORTS / "evidence.config.yaml").read_text(encoding="utf-8"))
    return dict(config["theme"]["colors"])


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour by WCAG, from 0 to 1."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize(
    ("one", "other", "least"),
    [("login", "login-unusual", 1.9), ("login-weekend", "login-before", 1.5)],
)
def test_bars_of_two_kinds_are_told_apart_without_their_hue(
    one: str, other: str, least: float, look: str
) -> None:
    low, high = sorted(luminance(palette()[name][look]) for name in (one, other))
    assert (high + 0.05) / (low + 0.05) >= least


def test_a_copy_has_one_date_everywhere(builds: Builds) -> None:
    """Copies are taken half an hour before midnight UTC, which is the next day for the reader."""
    ((day,),) = ask(builds.grown, "select distinct newest_copy_on from platform_headlines")
    shown = rf"(?:newest-copy\"[^>]*>|was taken on |{LONG_DAY} to )({LONG_DAY})"
    for page in ("index.html", "completeness/index.html"):
        found = re.findall(
            shown, (builds.many / page).read_text(encoding="utf-8").split("<figure")[0]
        )
        assert set(found) == {f"{day:%-d %B %Y}"}
        assert len(found) > 10


def test_each_pages_preview_has_its_own_title_and_week(
    builds: Builds, demo_datastore: Path
) -> None:
    told = dict(ask(demo_datastore, "select platform, last_week_in_words from platform_headlines"))
    for folder in ("opencodelists", "demo_workbench"):
        page = (builds.demo / "platforms" / folder / "index.html").read_text(encoding="utf-8")
        name = {"opencodelists": "OpenCodelists", "demo_workbench": "Workbench (demo)"}[folder]
        assert f'property="og:title" content="{name} · Ethelred"' in page
        assert page.count("<title>") == 1
        week = r"Last full week, .* logins[,;] .* In the seven days to .* people logged in"
        assert re.match(week, told[folder])
        for name in ('name="description"', 'property="og:description"'):
            assert re.findall(rf'<meta {name} content="([^"]*)"', page) == [told[folder]]
        assert f'data-testid="week">{told[folder]}</p>' in page
        assert '<meta name="robots" content="noindex"' in page


def test_the_overviews_preview_tells_each_platforms_week(
    builds: Builds, demo_datastore: Path
) -> None:
    page = (builds.demo / "index.html").read_text(encoding="utf-8")
    query = "select platform_name, last_week_in_words from platform_headlines"
    told = " ".join(f"{name}: {week}" for name, week in ask(demo_datastore, query))
    for name in ('name="description"', 'property="og:description"'):
        assert re.findall(rf'<meta {name} content="([^"]*)"', page) == [told]


def test_a_page_that_was_cached_before_a_build_finds_its_files(
    builds: Builds, demo_site: Site
) -> None:
    """File names stay the same from build to build, and a query marks a changed file."""
    page = (builds.many / "index.html").read_text(encoding="utf-8")
    files = re.findall(r'(?:href|src)="/(assets/[^"?]*)\?v=', page)
    assert {file.rpartition(".")[2] for file in files} == {"js", "woff2"}  # no style
    assert all((builds.demo / file).is_file() for file in files)
    assert httpx.get(f"{demo_site.url}{files[0]}?v=older").status_code == 200
