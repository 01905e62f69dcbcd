"""Any order, grouping and repetition of copies gives the same history.

Many histories go through a few runs of dbt, each as two platforms. The first platform gets all its
copies at once, the second in an arrangement of its own, with two copies repeated at the end.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.support.dbt_runs import build_each
from tests.support.simulated import MAX_RUNS, History, Shown, draw_arrangement, draw_history

Rows = list[tuple[object, ...]]
Run = list[tuple[str, Shown]]

# What must not depend on the order or grouping of the copies. The platform comes first.
SETTLED = {
    "logins": "select platform, logged_in_at, ordinal from logins",
    "days": "select platform, day, logins from logins_per_day",
    "timeseries": "select platform, * exclude (platform) from logins_timeseries",
    "covered": "select platform, day, logins, coverage from logins_timeseries",
    "active users": "select distinct platform, * exclude (platform, copy_id) from active_users",
    "copies": "select distinct platform, taken_at, users, users_ever_logged_in, earliest_login_at,"
    " latest_login_at, rejected_logins from copies",
    "rejected": "select distinct platform, taken_at, reason, value_shape from rejected_logins"
    " join copies using (platform, copy_id)",
    "rejected, not counted": "select platform, copy_id from copies where rejected_logins !="
    " (select count(*) from rejected_logins as bad"
    " where bad.platform = copies.platform and bad.copy_id = copies.copy_id)",
    "gaps": "select platform, * exclude (platform) from collection_gaps",
    "brought in": "select platform, sum(new_logins) from copies group by platform",
}


def settled(path: Path) -> dict[str, dict[str, Rows]]:
    """Return for each platform the rows of each query, in a settled order."""
    found: dict[str, dict[str, Rows]] = defaultdict(lambda: {name: [] for name in SETTLED})
    with closing(duckdb.connect(path, read_only=True)) as connection:
        for name, query in SETTLED.items():
            for platform, *row in connection.execute(f"{query} order by all").fetchall():
                found[platform][name].append(tuple(row))
    return found


def arrange(seeds: Iterable[int]) -> tuple[dict[int, History], list[Run]]:
    """Draw histories, and deal their copies to runs."""
    histories: dict[int, History] = {}
    runs: list[Run] = [[] for _ in range(MAX_RUNS + 1)]
    for seed in seeds:
        rng = random.Random(seed)  # noqa: S311
        history = histories[seed] = draw_history(rng)
        for number in range(len(history.taken_at)):
            runs[0].append((f"once_{seed}", history.copy(number)))
        arrangement = draw_arrangement(rng, len(history.taken_at))
        for run, group in zip(runs, arrangement, strict=False):
            for number, sanitised in group:
                run.append((f"arranged_{seed}", history.copy(number, sanitised=sanitised)))
        for sanitised in (False, True):
            runs[-1].append((f"arranged_{seed}", history.copy(0, sanitised=sanitised)))
    return histories, runs


def agree_with_the_simulation(found: dict[str, Rows], history: History) -> None:
    assert set(found["logins"]) == history.logins()
    happened = history.happened()
    assert all(ordinal <= happened[moment] for moment, ordinal in history.logins())
    assert found["days"] == sorted(history.days().items())
    assert found["covered"] == history.timeseries()
    assert set(found["active users"]) == history.active_users()
    assert sum(row[-1] for row in found["copies"]) == len(history.bad) * len(history.taken_at)  # type: ignore[misc]
    assert found["rejected, not counted"] == []


def hold(folder: Path, seeds: Iterable[int]) -> None:
    histories, runs = arrange(seeds)
    first, *_, before_last, last = (settled(path) for path in build_each(folder, runs))
    for seed, history in histories.items():
        expected = first[f"once_{seed}"]
        agree_with_the_simulation(expected, history)
        assert before_last[f"arranged_{seed}"] == expected, f"the history of seed {seed}"
        assert last[f"arranged_{seed}"] == expected, f"the history of seed {seed}"


def test_any_order_grouping_and_repetition_stores_what_the_copies_show(tmp_path: Path) -> None:
    hold(tmp_path, range(40))


@pytest.mark.dice
def test_the_laws_hold_for_histories_that_nobody_has_seen(tmp_path: Path) -> None:
    hold(tmp_path, random.SystemRandom().sample(range(10**9), 600))
