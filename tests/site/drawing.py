"""Read the figures of a chart back from its SVG, without a browser."""

import re
from dataclasses import dataclass
from pathlib import Path

CHART = re.compile(r'<svg class="chart".*?<g class="signs">.*?</g></svg>', re.S)
DRAWN = re.compile(r'<svg class="drawn" viewBox="0 0 (\S+) (\S+)"[^>]*>(.*?)</svg>', re.S)
PATH = re.compile(r'<path class="([^"]*)" d="([^"]*)"')
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
BAR = re.compile(rf"M({NUMBER}) ({NUMBER})v-({NUMBER})h({NUMBER})v({NUMBER})z")
BOX = re.compile(rf"M({NUMBER}) ({NUMBER})h1V({NUMBER})h-1z")
POINT = re.compile(rf"([Ml])({NUMBER}) ({NUMBER})(?:h0)?")
UNIT = re.compile(r'<line x2="100%" y1="(\S+)%"[^>]*><text[^>]*>([\d,]+)</text>')


@dataclass(frozen=True)
class Bar:
    """A bar, with its sides in periods from the first, and its ends in logins."""

    kind: str
    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True)
class Chart:
    """A chart's axes and everything between them, in periods and logins."""

    length: int
    end: float
    bars: list[Bar]
    boxes: dict[str, dict[int, tuple[float, float]]]  # by class and period: from, to
    lines: dict[str, dict[int, float]]  # by class and period
    numbers: dict[int, float]  # of the axis: how high each stands


def charts_of(page: Path | str) -> list[Chart]:
    """Return the charts of a page or of a part of it, in order."""
    html = page.read_text(encoding="utf-8") if isinstance(page, Path) else page
    return [read(found.group()) for found in CHART.finditer(html)]


def read(svg: str) -> Chart:
    """Return the figures of one chart."""
    drawn = DRAWN.search(svg)
    assert drawn is not None
    length, end, content = int(drawn[1]), float(drawn[2]), drawn[3]
    assert "transform" not in content
    chart = Chart(length, end, [], {}, {}, {})
    for name, path in PATH.findall(content):
        kind = name.split()[-1]
        if name.startswith("bar"):
            chart.bars.extend(bars(kind, path, end))
        elif name.startswith("line") and "halo" not in name:
            found = points(path, end)
            # A point without neighbours is a dot of its own.
            assert " dot " not in name or not {place + 1 for place in found} & found.keys()
            chart.lines.setdefault(kind, {}).update(found)
        elif not name.startswith("line"):
            chart.boxes[kind] = {
                round(float(x)): (end - float(low), end - float(high))
                for x, high, low in whole(BOX, path)
            }
    for share, number in UNIT.findall(svg):
        chart.numbers[int(number.replace(",", ""))] = end * (1 - float(share) / 100)
    chart.bars.sort(key=lambda bar: bar.left)
    return chart


def bars(kind: str, path: str, end: float) -> list[Bar]:
    """Return the bars of a path, each of which must be closed."""
    found = []
    for x, y, up, width, down in whole(BAR, path):
        assert up == down
        left, bottom = float(x), end - float(y)
        found.append(Bar(kind, left, left + float(width), bottom, bottom + float(up)))
    return found


def points(path: str, end: float) -> dict[int, float]:
    """Return a line's points by period. Unless the line is broken, they follow each other."""
    found: dict[int, float] = {}
    place = height = 0.0
    for command, x, y in whole(POINT, path):
        if command == "M":
            place, height = float(x) - 0.5, float(y)
        else:
            assert float(x) == 1
            place, height = place + 1, height + float(y)
        found[round(place)] = end - height
    return found


def whole(pattern: re.Pattern[str], path: str) -> list[tuple[str, ...]]:
    """Return all matches, and fail if there is anything else between them."""
    assert pattern.sub("", path) == "", pattern.sub("", path)[:80]
    return pattern.findall(path)
