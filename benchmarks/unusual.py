"""How often an ordinary day or week is called unusual, and how often a fault is noticed.

    .venv/bin/python -m benchmarks.unusual

Simulated platforms go through the models themselves (`dbt run`). Each has half a year of nightly
copies, a seventh of a working day's logins at weekends, and days that vary beside chance (Poisson)
by the spread of the second column. In the last week of some of them half the logins are missing, or
all. False alarms are counted on all days and weeks after the first twelve weeks, faults on the
working days of the last.
"""

import csv
import os
import random
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from functools import cache
from itertools import accumulate, product
from math import exp, log
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
LEVELS, SPREADS, PLATFORMS, WEEKS = (12, 30, 65, 300), (0.08, 0.15), 200, 26
LAST_WEEK = {"ordinary": 1.0, "half": 0.5, "none": 0.0}  # of the usual logins
WEEKEND = 0.14  # of a working day's logins
MONDAY = date(2026, 1, 5)
MODELS = (
    "days_to_judge",
    "usual_logins",
    "week_verdicts",
    "logins_timeseries",
    "logins_per_period",
)

HISTORY = """
    create table days as from read_csv('{days}');
    create table logins_per_day as
        select platform, day, logins, day + interval 30 hour as last_appended_at from days;
    create table day_coverage as select platform, day, 'complete' as coverage from days;
    create table distinct_copies as select platform, day + interval 5 hour as taken_at from days;
    create table day_notes (platform varchar, day date)
"""
RESULTS = """
    with judged as (
        select
            split_part(platform, ' ', 1)::int as level,
            split_part(platform, ' ', 2) as spread,
            split_part(platform, ' ', 3) as fault,
            verdict in ('lower', 'higher') as is_unusual,
            verdict = 'lower' and isodow(day) < 6 and day >= date '{last_week}' as is_noticed,
            isodow(day) < 6 and day >= date '{last_week}' as is_faulty
        from logins_timeseries where day >= date '{learnt_on}'
    ),
    judged_weeks as (
        select
            split_part(platform, ' ', 1)::int as level, split_part(platform, ' ', 2) as spread,
            split_part(platform, ' ', 3) as fault, verdict,
            starts_on = date '{last_week}' as is_last
        from logins_per_period where period_type = 'week' and starts_on >= date '{learnt_on}'
    ),
    weeks as (
        select level, spread,
            52 * avg((verdict in ('lower', 'higher'))::int) filter (fault = 'ordinary') as alarms,
            100 * avg((verdict = 'lower')::int) filter (fault = 'half' and is_last) as halves
        from judged_weeks group by level, spread
    )
    select level, spread,
        100 * avg(is_unusual::int) filter (fault = 'ordinary') as alarms,
        100 * avg(is_noticed::int) filter (fault = 'half' and is_faulty) as halves,
        100 * avg(is_noticed::int) filter (fault = 'none' and is_faulty) as nones,
        any_value(weeks.alarms), any_value(weeks.halves)
    from judged inner join weeks using (level, spread) group by level, spread order by level, spread
"""


HEADINGS = """\
| logins a weekday | spread | days: false alarms, % | half noticed, % | none noticed, % | \
weeks: false alarms a year | half noticed, % |
|---:|---:|---:|---:|---:|---:|---:|"""


@cache
def cumulative(mean: float) -> list[float]:
    """Return the chances of at most 0, 1, 2… logins where a mean of them is expected (Poisson)."""
    counts = range(1, int(mean + 10 * mean**0.5 + 10))
    logarithms = accumulate(counts, lambda sum_, n: sum_ + log(mean / n), initial=-mean)
    return list(accumulate(map(exp, logarithms)))


def simulated(platform: str, level: float, spread: float, last: float) -> Iterator[list[object]]:
    """Yield platform, day and logins, the last week's being a share of the usual ones."""
    for number in range(7 * WEEKS):
        share = (WEEKEND if number % 7 > 4 else 1) * (last if number >= 7 * (WEEKS - 1) else 1)
        variation = random.gammavariate(spread**-2, spread**2)
        chances = cumulative(max(round(level * share * variation, 1), 0.1))
        logins = bisect_left(chances, random.random()) if share else 0  # noqa: S311
        yield [platform, MONDAY + timedelta(days=number), logins]


def write_days(path: Path) -> None:
    """Write the days of all platforms, the same each time."""
    random.seed(1)
    with path.open("w", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["platform", "day", "logins"])
        for level, spread, fault in product(LEVELS, SPREADS, LAST_WEEK):
            for number in range(PLATFORMS):
                name = f"{level} {spread} {fault} {number}"
                rows.writerows(simulated(name, level, spread, LAST_WEEK[fault]))


def run_models(folder: Path, datastore: Path) -> None:
    """Have dbt build the models that judge days and weeks, from what the datastore has."""
    select = ["--select", *MODELS, "--target-path", str(folder), "--log-path", str(folder)]
    places = {"ETHELRED_DBT_DATABASE": datastore, "ETHELRED_DBT_COPIES": folder / "copies.duckdb"}
    subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "--quiet", "run", *select],
        cwd=ROOT,
        env=os.environ | {key: str(place) for key, place in places.items()},
        check=True,
    )


def main() -> None:
    """Run the models on simulated days, and print what they noticed."""
    learnt_on, last_week = (MONDAY + timedelta(weeks=number) for number in (12, WEEKS - 1))
    with tempfile.TemporaryDirectory() as name:
        datastore, days = Path(name, "ethelred.duckdb"), Path(name, "days.csv")
        write_days(days)
        with closing(duckdb.connect(datastore)) as connection:
            connection.execute(HISTORY.format(days=days))
        run_models(Path(name), datastore)
        with closing(duckdb.connect(datastore)) as connection:
            query = RESULTS.format(learnt_on=learnt_on, last_week=last_week)
            found = connection.sql(query).fetchall()
    print(HEADINGS)
    for level, spread, *figures in found:
        print(
            f"| {level} | {float(spread):.0%} |", " | ".join(f"{one:.1f}" for one in figures), "|"
        )


if __name__ == "__main__":
    main()
