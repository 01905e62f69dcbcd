"""Evidence's own components work in a page that an analyst adds."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ethelred_runner.errors import ReportFailed
from ethelred_runner.report import evidence
from ethelred_runner.report import site as report_site
from tests.site.conftest import Builds, served
from tests.support.browsing import Visit

pytestmark = [pytest.mark.site, pytest.mark.xdist_group("reports")]

PAGE = Path(__file__).with_name("evidence-components.md")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the report's source."""
    folder = tmp_path_factory.mktemp("reports") / "reports"
    shutil.copytree(evidence.REPORTS, folder, ignore=evidence.NOT_SOURCE)
    (folder / "node_modules").symlink_to(evidence.REPORTS / "node_modules")
    (folder / "static" / "dbt").mkdir()
    (folder / "static" / "dbt" / "index.html").touch()
    return folder


def build(reports: Path, datastore: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "REPORTS", reports)
    monkeypatch.setattr(report_site, "REPORTS", reports)
    monkeypatch.setattr(report_site, "document_models", lambda *_: None)
    report_site.build_site(datastore, site)


def test_evidences_own_components_are_drawn(
    reports: Path,
    demo_datastore: Path,
    builds: Builds,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    visit: Visit,
) -> None:
    shutil.copy(PAGE, reports / "pages")
    build(reports, demo_datastore, tmp_path / "site", monkeypatch)
    used = set(re.findall(r"<([A-Z]\w+)", PAGE.read_text(encoding="utf-8")))
    listed = (reports / "evidence" / "components.js").read_text(encoding="utf-8")
    drawn = re.findall(r"'(\w+)'", listed[listed.index("DRAWN = ") : listed.index("];")])
    assert set(drawn) - used <= {"Area", "Scatter", "Bubble", "Hist", "CodeBlock"}  # made of others
    # The other pages are no larger than before.
    before, after = (site / "index.html" for site in (builds.demo, tmp_path / "site"))
    assert len(after.read_bytes()) == len(before.read_bytes())
    with served(tmp_path / "site") as site:
        page = visit.context.new_page()
        page.goto(f"{site.url}evidence-components/", wait_until="networkidle")
        assert visit.errors == []
        charts = page.locator(".evidence-chart")
        expect(charts).to_have_count(13)  # the page has 2 MB
        for chart in charts.all():
            assert chart.locator("svg:visible").count() == 1
            assert chart.locator("svg:visible :is(path, rect)").count() > 2
        text = page.locator("main").text_content() or ""
        for shown in ("12.0%", "Last week", "OpenCodelists", "An alert", "Target", "No logins yet"):
            assert shown in text
        cells = page.locator("table").first.locator("tbody tr")
        assert cells.count() == 2
        groups = page.locator("table").nth(1).locator("tbody tr")
        assert groups.count() > 20  # open, because no script could open them
        assert page.locator("button:visible").count() == 1  # the choice of appearance
        # A link lies over the row.
        page.locator("table").nth(2).locator("tbody td").first.click(force=True)
        page.wait_for_url(f"{site.url}platforms/demo_workbench**")
        assert not [url for url in visit.requests if url.endswith((".arrow", ".parquet", ".wasm"))]


def test_what_cant_be_drawn_ends_the_build_with_one_sentence(
    reports: Path, demo_datastore: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`reports/tests/evidence.test.js` has the other components that can't be drawn."""
    page = reports / "pages" / "more" / "index.md"
    page.parent.mkdir()
    page.write_text("<DateRange name=days/>\n", encoding="utf-8")
    with pytest.raises(ReportFailed) as failed:
        build(reports, demo_datastore, tmp_path / "site", monkeypatch)
    (line,) = [line for line in str(failed.value).splitlines() if "<DateRange>" in line]
    assert line.startswith("pages/more/index.md: ")
    assert not (tmp_path / "site").exists()
