"""The laws of the union, as properties of generated histories."""

import pickle
from pathlib import Path

import pytest
from ethelred_runner.build import build
from ethelred_runner.platforms import find_platform, read_platforms
from ethelred_runner.requests import named
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ethelred_runner.obtain import Request, obtain
from tests.conftest import SAMPLES
from tests.truth import Night, visible_logins

from .compiled import Datastore, compile_models
from .conftest import made_once, query
from .simulated import History, arrangements, histories

# Everything that may not depend on the order or the grouping of the copies.
SETTLED = {
    "logins": "select platform, logged_in_at, ordinal from logins order by all",
    "logins_per_day": "select platform, day, logins from logins_per_day order by all",
    "logins_timeseries": "from logins_timeseries order by all",
    "active_users": "select distinct * exclude (copy_id) from active_users order by all",
    "copies": "select distinct platform, taken_at, users, users_ever_logged_in,"
    " earliest_login_at, latest_login_at, rejected_logins from copies order by all",
    "rejected": "select distinct platform, taken_at, reason, value_shape"
    " from rejected_logins join copies using (platform, copy_id) order by all",
    "rejected, not counted": "select * from copies where rejected_logins != (select count(*)"
    " from rejected_logins as bad where bad.copy_id = copies.copy_id)",
    "gaps": "from collection_gaps order by all",
    "sums": "select sum(new_logins) from copies",
}
SLOWLY = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
quick = settings(max_examples=25, deadline=None, suppress_health_check=SLOWLY)
thorough = settings(max_examples=500, deadline=None, suppress_health_check=SLOWLY)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory, eight_nights: Path) -> Datastore:
    with made_once(tmp_path_factory, "compiled") as folder:
        kept = folder / "models.pickle"
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(pickle.dumps(compile_models(folder, eight_nights)))
        return Datastore(pickle.loads(kept.read_bytes()))  # noqa: S301


def outcome(
    store: Datastore, history: History, runs: list[list[tuple[int, bool]]]
) -> dict[str, object]:
    """Apply runs of copies (their numbers, sanitised or not) and return what came of it."""
    store.clear()
    for run in runs:
        store.run([history.copy(number, sanitised=kind) for number, kind in run])
    return {name: store.rows(query) for name, query in SETTLED.items()}


def at_once(history: History) -> list[list[tuple[int, bool]]]:
    return [[(number, False) for number in range(len(history.taken_at))]]


def agree_with_the_simulation(store: Datastore, history: History) -> None:
    found = outcome(store, history, at_once(history))
    logins = {(moment, ordinal) for _, moment, ordinal in found["logins"]}  # type: ignore[attr-defined]
    assert logins == history.logins()
    happened = history.happened()
    assert all(ordinal <= happened[moment] for moment, ordinal in logins)
    assert store.rows("select day, logins from logins_per_day order by day") == sorted(
        history.days().items()
    )
    assert (
        store.rows("select day, logins, coverage from logins_timeseries order by day")
        == history.timeseries()
    )
    assert (
        set(store.rows("select * exclude (platform, copy_id) from active_users"))
        == history.active_users()
    )
    assert store.rows("select count(*) from rejected_logins") == [
        (len(history.bad) * len(history.taken_at),)
    ]


def be_the_same_in_any_arrangement(store: Datastore, history: History, data: st.DataObject) -> None:
    runs = data.draw(arrangements(len(history.taken_at)))
    expected = outcome(store, history, at_once(history))
    assert outcome(store, history, runs) == expected
    store.run([history.copy(0), history.copy(0, sanitised=True)])
    assert {name: store.rows(query) for name, query in SETTLED.items()} == expected
    equal = (
        "select count(*) from logins group by platform, logged_in_at, ordinal having count(*) > 1"
    )
    assert store.rows(equal) == []


@quick
@given(history=histories())
def test_what_is_stored_is_what_the_copies_show(empty: Datastore, history: History) -> None:
    agree_with_the_simulation(empty, history)


@quick
@given(history=histories(), data=st.data())
def test_any_order_grouping_and_repetition_gives_the_same(
    empty: Datastore, history: History, data: st.DataObject
) -> None:
    be_the_same_in_any_arrangement(empty, history, data)


@pytest.mark.slow
@thorough
@given(history=histories())
def test_what_is_stored_is_what_the_copies_show_in_many_histories(
    empty: Datastore, history: History
) -> None:
    agree_with_the_simulation(empty, history)


@pytest.mark.slow
@thorough
@given(history=histories(), data=st.data())
def test_any_order_grouping_and_repetition_gives_the_same_in_many_histories(
    empty: Datastore, history: History, data: st.DataObject
) -> None:
    be_the_same_in_any_arrangement(empty, history, data)


def test_two_platforms_copies_in_one_run(store: Path, nights: list[Night], tmp_path: Path) -> None:
    """Each platform's logins are its own, although the two copies show the same timestamps."""
    platforms = read_platforms()
    requests = [
        Request(str(nights[9].raw), platforms["opencodelists"]),
        Request(str(nights[9].sanitised), platforms["demo_workbench"]),
    ]
    build(obtain(requests, tmp_path), store)
    rows = query(store, "select platform, count(*) from copies group by all order by all")
    assert rows == [("demo_workbench", 1), ("opencodelists", 9)]
    shown = "from logins where platform = 'demo_workbench' order by all"
    assert query(store, f"select logged_in_at, ordinal {shown}") == sorted(
        visible_logins(SAMPLES / "opencodelists", nights[9:])
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [("opencodelists=/a=b.zst", "/a=b.zst"), ("/a=b.zst", "/a=b.zst"), ("a=b", "a=b")],
)
def test_a_platform_may_stand_before_a_source(source: str, expected: str) -> None:
    assert named(source, "opencodelists") == (expected, find_platform("opencodelists"))
