"""Where the bars of a chart stand, laid out by ECharts itself without a browser or a built site."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

NODE = Path(sys.executable).with_name("node")
LAYOUT = Path(__file__).with_name("geometry.mjs")
NAMES = {
    "complete": "Complete day",
    "partial": "Partial day",
    "before_collection": "Before collection began",
}
FIRST = datetime(2026, 6, 1, tzinfo=UTC)
STEP = {"day": timedelta(days=1), "week": timedelta(days=7)}
# Partial stretches after many more complete days, so that a bar on another's would tower.
COVERAGES = ["before_collection"] * 6 + ["partial"] + ["complete"] * 14 + ["partial"] * 5
COVERAGES += ["complete"] * 9 + ["partial", "complete"]


def made_rows(grain: str) -> list[dict[str, Any]]:
    rows = []
    for n, coverage in enumerate(COVERAGES):
        day = FIRST + n * STEP[grain]
        ends_on = day + STEP[grain] - timedelta(days=1)
        rows.append(
            {
                "day": day.isoformat(),
                "ends_on": ends_on.isoformat() if grain != "day" else None,
                "coverage": coverage,
                "logins": {"complete": 60, "partial": 25, "before_collection": 5}[coverage] + n % 7,
                "expected_low": None,
                "expected_high": None,
                "rolling_mean_7d": None,
                "rolling_mean_28d": None,
            }
        )
    return rows


@pytest.mark.parametrize("grain", STEP)
def test_each_bar_stands_on_the_axis_at_its_own_day_and_is_as_high_as_its_logins(
    grain: str,
) -> None:
    rows = made_rows(grain)
    done = subprocess.run(
        [NODE, LAYOUT],
        input=json.dumps({"grain": grain, "rows": rows}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    chart = json.loads(done.stdout)
    bars = sorted(chart["drawn"], key=lambda bar: bar["left"] + bar["right"])
    assert len(bars) == len(rows)
    half = STEP[grain].total_seconds() * 1000 / 2
    for row, bar in zip(rows, bars, strict=True):
        middle = datetime.fromisoformat(row["day"]).timestamp() * 1000
        assert bar["coverage"] == NAMES[row["coverage"]]
        assert (bar["bottom"], bar["top"]) == pytest.approx((0, row["logins"]), abs=0.01), row
        assert (bar["left"] + bar["right"]) / 2 == pytest.approx(middle, abs=half / 10), row
        # Wide enough to be seen, and never on another day.
        assert half < bar["right"] - bar["left"] < 2 * half
    assert chart["end"] <= 1.25 * max(row["logins"] for row in rows)
