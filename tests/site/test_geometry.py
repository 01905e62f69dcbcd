"""The charts have the figures of the rows, as read back from the SVG."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.site.conftest import Builds
from tests.site.drawing import Chart, charts_of

NODE = Path(sys.executable).with_name("node")
DRAW = Path(__file__).with_name("draw.mjs")
EPOCH = date(1970, 1, 1)
KINDS = ["before_collection"] * 6 + ["partial"] + ["complete"] * 14 + ["partial"] * 5
KINDS += ["complete"] * 9 + ["partial", "complete"]
Row = dict[str, Any]


def day_rows(first: date, count: int, most: int = 60) -> list[Row]:
    """Make days of all kinds, some outside their range, and some without a range or a mean."""
    rows: list[Row] = []
    for n in range(count):
        kind, day = KINDS[n % len(KINDS)], (first - EPOCH).days + n
        logins = most * (n * 7919 % 101) // 100
        known = n % 11 > 2
        rows.append(
            {
                "from": day,
                "to": day,
                "logins": logins,
                "coverage": kind,
                "mean7": logins / 7 if n % 5 else None,
                "mean28": logins / 3 if n else None,
                "low": most // 3 if known else None,
                "high": most // 2 if known else None,
            }
        )
        rows[-1]["verdict"] = "lower" if reader_of(rows[-1]) == "unusual" else None
    return rows


def period_rows(period: str, first: date, count: int) -> list[Row]:
    """Make weeks or months in the same way."""
    rows, start = [], first
    for n in range(count):
        following = start + timedelta(days=7)
        if period == "month":
            following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        bounds = {"from": (start - EPOCH).days, "to": (following - EPOCH).days - 1}
        nothing = dict.fromkeys(("mean7", "mean28", "low", "high", "verdict"))
        kind = KINDS[n % len(KINDS)]
        logins = {"logins": n * 7919 % 1010, "before": n * 31 % 1200 if n % 7 else None}
        rows.append({**bounds, **logins, "coverage": kind, "complete": 7} | nothing)
        start = following
    return rows


def draw(rows: list[Row], period: str = "day", *, stale: int = 0, compared: bool = False) -> Chart:
    """Return the chart that the site draws of rows, for a platform stale by so many days."""
    ends = {"first": rows[0]["from"], "last": rows[-1]["to"] + stale}
    given = json.dumps({"rows": rows, "period": period, "isCompared": compared, **ends})
    done = subprocess.run([NODE, DRAW], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (chart,) = charts_of(done.stdout)
    return chart


def reader_of(row: Row) -> str:
    """Return the class of a row's bar."""
    low, high = row["low"], row["high"]
    if row["coverage"] != "complete":
        return str(row["coverage"])
    if row.get("verdict", "") in ("lower", "higher"):  # as in the datastore
        return "unusual"
    if "verdict" not in row and low is not None and not low <= row["logins"] <= high:
        return "unusual"
    weekday = (EPOCH + timedelta(days=row["from"])).isoweekday()
    return "weekend" if row["from"] == row["to"] and weekday > 5 else "complete"


def check(chart: Chart, rows: list[Row], period: str = "day", first: int | None = None) -> None:
    """Compare a chart with its rows; the first period of the axis is that of day `first`."""
    start = rows[0]["from"] if first is None else first
    places = {place_of(row["from"], period) - place_of(start, period): row for row in rows}
    filled = {place: row for place, row in places.items() if row["logins"]}
    assert [round(bar.left) for bar in chart.bars] == sorted(filled)
    for bar, (place, row) in zip(chart.bars, sorted(filled.items()), strict=True):
        assert (bar.bottom, bar.top) == pytest.approx((0, row["logins"]), abs=1e-3 * chart.end)
        assert (bar.left, bar.right) == pytest.approx((place + 0.1, place + 0.9))
        assert bar.kind == reader_of(row)
    highest = max(bar.top for bar in chart.bars) if chart.bars else 0
    for name, lines in chart.lines.items():
        wanted = {place: row[name] for place, row in places.items() if row[name] is not None}
        assert lines == pytest.approx(wanted, abs=1e-3 + 1e-6 * chart.end)
        highest = max(highest, *wanted.values())
    assert highest <= chart.end <= max(1.05 * highest, 1)
    for number, height in chart.numbers.items():
        assert height == pytest.approx(number, abs=1e-4 * chart.end)


def place_of(day: int, period: str) -> int:
    """Return a number of a day's period, of which neighbours differ by one."""
    if period == "day":
        return day
    if period == "week":
        return (day + 3) // 7
    at = EPOCH + timedelta(days=day)
    return at.year * 12 + at.month


@pytest.mark.parametrize(
    ("first", "count", "most"),
    [
        (date(2026, 6, 1), 91, 60),
        (date(2026, 6, 1), 1, 60),
        (date(2016, 1, 1), 3653, 60),
        (date(2026, 6, 1), 91, 0),
        (date(2026, 6, 1), 91, 1),
        (date(2026, 6, 1), 91, 1_000_000),
        (date(2026, 3, 20), 28, 60),
        (date(2026, 10, 20), 28, 60),
    ],
    ids=["quarter", "day", "decade", "zero", "one", "million", "spring", "autumn"],
)
def test_each_day_is_drawn_as_it_was_counted(first: date, count: int, most: int) -> None:
    rows = day_rows(first, count, most)
    chart = draw(rows)
    assert chart.length == count
    assert {"mean28"} <= chart.lines.keys() or count == 1
    assert chart.lines.keys() <= {"mean28"}
    assert chart.boxes.keys() <= {"shade"}  # the usual range isn't drawn
    check(chart, rows)


@pytest.mark.parametrize("count", [1, 60, 520])
@pytest.mark.parametrize("period", ["week", "month"])
def test_each_week_and_month_is_drawn_as_it_was_counted(period: str, count: int) -> None:
    rows = period_rows(period, date(2024, 1, 1), count)
    check(draw(rows, period), rows, period)
    compared = draw(rows, period, compared=True)
    assert set(compared.lines) == ({"before"} if count > 1 else set())
    check(compared, rows, period)
    # All charts of a page have the same days, even if a platform has no newer ones.
    chart = draw(rows, period, stale=70)
    assert chart.length == count + {"week": 10, "month": 2}[period]
    check(chart, rows, period)


@pytest.mark.site
@pytest.mark.parametrize("name", ["demo", "samples", "many"])
def test_the_built_pages_draw_what_the_datastore_has(
    builds: Builds, name: str, demo_datastore: Path, datastore: Path
) -> None:
    """The charts of the overview have the same days, those of platforms that differ first."""
    store = builds.grown if name == "many" else {"demo": demo_datastore, "samples": datastore}[name]
    with duckdb.connect(store, read_only=True) as connection:
        (last,) = connection.sql("select max(day) from logins_timeseries").fetchall()[0]
        platforms = connection.sql(
            "select platform from platform_headlines order by overview_rank, platform_name"
        ).fetchall()
        first = max(
            last - timedelta(days=90),
            connection.sql("select min(first_copy_on) from platform_headlines").fetchall()[0][0],
        )
        charts = charts_of(getattr(builds, name) / "index.html")
        # One more chart has several platforms.
        assert len(charts) == len(platforms) + (len(platforms) > 1)
        for chart, (platform,) in zip(charts, platforms, strict=False):
            found = connection.execute(
                "select day - date '1970-01-01', logins, coverage, rolling_mean_7d,"
                " rolling_mean_28d, expected_low, expected_high, verdict"
                " from logins_timeseries"
                " where platform = ? and day >= ? order by day",
                [platform, first],
            ).fetchall()
            names = ["from", "logins", "coverage", "mean7", "mean28", "low", "high", "verdict"]
            rows = [dict(zip(names, row, strict=True)) | {"to": row[0]} for row in found]
            assert chart.length == (last - first).days + 1
            check(chart, rows, first=(first - EPOCH).days)


@pytest.mark.site
def test_the_platforms_page_draws_its_users(builds: Builds, demo_datastore: Path) -> None:
    chart, active, registered = charts_of(builds.demo / "platforms/opencodelists/index.html")
    assert chart.bars
    with duckdb.connect(demo_datastore, read_only=True) as connection:
        found = connection.sql(
            "select day - min(day) over (), active_90d, active_28d, active_7d, active_1d,"
            " users, never_logged_in from active_users_per_day where platform = 'opencodelists'"
        ).fetchall()
    columns = [{row[0]: row[i] for row in found} for i in range(1, 7)]
    drawn = [active.lines[f"days{days}"] for days in (90, 28, 7, 1)]
    drawn += [registered.lines["days28"], registered.lines["days90"]]
    assert drawn == [pytest.approx(column, abs=1e-3) for column in columns]


@pytest.mark.site
def test_platforms_stand_side_by_side(builds: Builds, demo_datastore: Path) -> None:
    *_, chart = charts_of(builds.demo / "index.html")
    with duckdb.connect(demo_datastore, read_only=True) as connection:
        found = connection.sql(
            "select platform_name, day - min(day) over (), active_28d"
            " from active_users_per_day inner join platforms using (platform)"
            " qualify day > max(day) over () - 400 order by all"
        ).fetchall()
    names = sorted({name for name, _, _ in found})
    for name, style in zip(names, ("days28", "days7"), strict=True):
        wanted = {place: users for one, place, users in found if one == name}
        first = min(place for _, place, _ in found)
        assert chart.lines[style] == pytest.approx({at - first: n for at, n in wanted.items()})
