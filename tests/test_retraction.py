"""A retracted copy leaves no trace in the counts, if the other copies are read again."""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.datastores import query
from tests.support.dbt_runs import build_each
from tests.support.program import Ethelred
from tests.support.simulated import MAX_RUNS, History, Shown, draw_arrangement, draw_history
from tests.support.truth import Night
from tests.test_doubts import KINDS
from tests.test_properties import Run, settled

LAST_NIGHT = datetime(2026, 3, 30, 2)
# Tables that remember a copy, or have the newest entries of all platforms.
NOT_COMPARED = {"doubted_copies", "retracted_copies", "platforms", "feed_entries"}
# When a row was appended, and with which copy.
OF_THE_READING = ("copy_id", "new_logins", "appended_at", "last_appended_at")
# How many logins a copy brought in depends on the order of the copies.
ORDERED = {"brought in"}


def another_environments(rng: random.Random, copy: Shown) -> Shown:
    """Return a copy with all logins at other times, as from a wrong clock or server."""
    by = timedelta(minutes=rng.choice([-1, -37, -24 * 60]))
    values = tuple(
        (str(datetime.fromisoformat(value) + by) if value and len(value) == 26 else value, kind)
        for value, kind in copy.values
    )
    added = str(copy.taken_at - timedelta(minutes=rng.randint(1, 5000), microseconds=7))
    values += ((added, "text"),) * rng.randint(1, 3)
    return Shown(copy.taken_at + timedelta(hours=rng.randint(1, 9)), f"bad {values}", values)


def spoilt(night: Shown, kind: str) -> Shown:
    """Return a bad copy, taken an hour after a night's."""
    content = night.content if kind == "repeated" else f"bad {kind}"
    values = tuple(KINDS[kind](list(night.values)))
    return Shown(night.taken_at + timedelta(hours=1), content, values)


def without(history: History, number: int) -> History:
    return replace(history, taken_at=history.taken_at[:number] + history.taken_at[number + 1 :])


def arrange(seeds: Iterable[int]) -> tuple[list[Run], Run]:
    """Draw histories, deal their copies to runs, and choose one copy of each to retract.

    It is a bad copy or any sound one. The last run reads all others again.
    """
    runs: list[Run] = [[] for _ in range(MAX_RUNS + 1)]
    retracted: Run = []
    for seed in seeds:
        rng = random.Random(seed)  # noqa: S311
        history = draw_history(rng)
        numbers = range(len(history.taken_at))
        victim = rng.choice(numbers)
        bad = another_environments(rng, history.copy(victim))
        is_sound = len(numbers) > 1 and rng.random() < 0.5
        if is_sound:
            bad = history.copy(victim)
        for run, group in zip(runs, draw_arrangement(rng, len(numbers)), strict=False):
            for number, sanitised in group:
                if not is_sound or number != victim:
                    run.append((f"read_{seed}", history.copy(number, sanitised=sanitised)))
        rng.choice(runs[:-1]).append((f"read_{seed}", bad))
        retracted.append((f"read_{seed}", bad))
        others = without(history, victim) if is_sound else history
        for number in range(len(others.taken_at)):
            runs[0].append((f"never_{seed}", others.copy(number)))
            runs[-1].append((f"read_{seed}", others.copy(number)))
    return runs, retracted


def hold(folder: Path, seeds: Iterable[int]) -> None:
    seeds = list(seeds)
    runs, retracted = arrange(seeds)
    *_, before, after = (settled(path) for path in build_each(folder, runs, retracted))
    differed = 0
    for seed in seeds:
        never, read = after[f"never_{seed}"], after[f"read_{seed}"]
        differed += before[f"read_{seed}"]["logins"] != never["logins"]
        for name in never.keys() - ORDERED:
            assert read[name] == never[name], f"{name} of seed {seed}"
    assert differed > len(seeds) / 3


def test_what_follows_from_history_is_as_if_the_copy_had_never_been_read(tmp_path: Path) -> None:
    hold(tmp_path, range(40))


def twenty_nights() -> list[Shown]:
    """Draw twenty sound copies of a platform with 80 users, a third of whom log in each day."""
    rng = random.Random(2)  # noqa: S311
    logins: list[str | None] = [None] * 80
    nights = []
    for number in range(20):
        taken_at = LAST_NIGHT - timedelta(days=19 - number)
        for user in rng.sample(range(80), 27):
            logins[user] = str(taken_at - timedelta(microseconds=rng.randint(10**9, 86 * 10**9)))
        values = tuple((login, "text" if login else "null") for login in logins)
        nights.append(Shown(taken_at, f"night {number}", values))
    return nights


def tables_of(path: Path) -> dict[str, dict[str, list[str]]]:
    """Return the rows of each table by platform, without the platform's own name."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    tables = query(path, "select table_name from duckdb_columns() where column_name = 'platform'")
    for table in {str(table) for (table,) in tables} - NOT_COMPARED:
        columns = f"columns(c -> c not in {('platform', *OF_THE_READING)})"
        for platform, *row in query(path, f"select platform, {columns} from {table}"):
            name = str(platform)
            found[name][table].append(str(row).replace(name, ""))
    return found


@pytest.mark.slow
def test_every_table_is_as_if_a_retracted_copy_had_never_been_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is the first, a middle or the last of twenty nights, or a bad one of each kind."""
    monkeypatch.setenv("ETHELRED_ACCEPT_DOUBTS", "true")
    nights = twenty_nights()
    victims = {f"bad_{kind}": spoilt(nights[-1], kind) for kind in KINDS}
    victims |= {f"night_{number}": nights[number] for number in (0, 10, 19)}
    runs: list[Run] = [[], [], []]
    for platform, victim in victims.items():
        others = [night for night in nights if night != victim]
        runs[0] += [(platform, night) for night in nights]
        runs[0] += [(f"never_{platform}", night) for night in others]
        runs[1].append((platform, victim))
        runs[2] += [(platform, night) for night in others]
    paths = build_each(tmp_path, runs, list(victims.items()))
    before, after = tables_of(paths[1]), tables_of(paths[2])
    for platform in victims:
        never = after[f"never_{platform}"]
        assert len(never) > 15
        assert before[platform] != never
        assert after[platform] == never, platform


@pytest.mark.dice
def test_the_law_holds_for_histories_that_nobody_has_seen(tmp_path: Path) -> None:
    hold(tmp_path, random.SystemRandom().sample(range(10**9), 600))


def test_a_copy_is_retracted_and_refused_until_somebody_insists(
    ethelred: Ethelred, datastore: Path, nights: list[Night], tmp_path: Path
) -> None:
    store = tmp_path / "ethelred.duckdb"
    store.write_bytes(datastore.read_bytes())
    at = ("--datastore", store)
    tables = [table for (table,) in query(store, "select table_name from duckdb_tables()")]
    before = {table: query(store, f"from {table}") for table in tables}
    (copy_id,) = query(store, "select max_by(copy_id, (new_logins, copy_id)) from copies")[0]
    listed = ethelred("copies", *at).stdout
    assert str(copy_id)[:12] in listed
    everything = [night.raw for night in nights]
    tried = ethelred("retract", copy_id, *everything, *at, "--dry-run")
    assert "this was a dry run" in tried.stdout
    assert query(store, "from logins") == before["logins"]
    done = ethelred("retract", copy_id, *everything, *at)
    (gone,) = query(store, "select logins from retracted_copies")[0]
    assert f"{gone} logins went with the copy" in done.stdout
    assert query(store, f"select 1 from copies where copy_id = '{copy_id}'") == []
    brought = "select copy_id, new_logins from copies where new_logins > 0 order by all"
    held = "select copy_id, count(*) from logins group by copy_id order by all"
    assert query(store, brought) == query(store, held)
    refused = ethelred("build", *everything, *at, code=4)
    assert "it was retracted from the history" in refused.stderr
    ethelred("build", *everything, *at, "--accept-doubts")
    again = query(store, "select platform, logged_in_at, ordinal from logins")
    assert again == [row[:3] for row in before["logins"]]
    told = ethelred("retract", "no-such-copy", *at, code=2).stderr
    assert "ethelred copies lists" in told


def test_the_only_copy_can_be_retracted(
    ethelred: Ethelred, nights: list[Night], tmp_path: Path
) -> None:
    store = tmp_path / "ethelred.duckdb"
    ethelred("build", nights[0].raw, "--datastore", store, "--init")
    ((copy_id,),) = query(store, "select copy_id from copies")
    done = ethelred("retract", copy_id, nights[0].raw, "--datastore", store)
    assert "it was retracted from the history; it was left out" in done.stderr
    assert "counted again" not in done.stderr
    assert query(store, "from logins") == query(store, "from logins_per_day") == []
