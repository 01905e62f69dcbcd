"""The lines, warnings and JSON of an outcome, from results made by hand."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ethelred_runner.append.result import Appended
from ethelred_runner.datastore import Row
from ethelred_runner.watch.outcome import Outcome, conceal, result_lines, summary_of, warning_lines

TAKEN_AT = datetime(2026, 6, 1, 4)
NEW: Row = {"platform": "one", "taken_at": TAKEN_AT, "taken_at_source": "newest_login"}
NEW |= {"new_logins": 5, "rejected_logins": 2, "is_backfilled": False, "contradicting_at": None}


def outcome_of(*copies: Row, given: int = 1, age: float = 50, **more: Any) -> Outcome:
    platform = {"platform": "one", "logins": 40, "newest_copy_taken_at": TAKEN_AT, "gaps": []}
    platform |= {"newest_copy_age_hours": age} | more
    appended = Appended([platform], copies, Counter(one=given), 5 * len(copies))
    return Outcome(warn_after_hours=36, appended=appended)


def test_what_was_done_is_said() -> None:
    assert result_lines(outcome_of(NEW | {"is_backfilled": True}, NEW, given=3)) == [
        "1 copy had been read before",
        "1 copy is older than the newest one known (backfill)",
        "appended 10 new logins from 2 new copies; the datastore holds 40 logins",
    ]
    assert result_lines(outcome_of())[1:] == [
        "nothing new to append; the datastore holds 40 logins"
    ]


def test_what_somebody_should_look_at_is_said() -> None:
    lines = warning_lines(outcome_of(NEW))
    assert [
        "by its newest login, because its modification time is not known" in lines[0],
        "2 values could not be taken" in lines[1],
        "is its backup job at work?" in lines[2],
        len(lines),
    ] == [True, True, True, 3]
    plain = NEW | {"taken_at_source": "mtime", "rejected_logins": 0}
    assert warning_lines(outcome_of(plain, age=3)) == []
    plain["contradicting_at"] = datetime(2026, 5, 16)
    (contradiction,) = warning_lines(outcome_of(plain, age=3))
    assert "by its modification time, although its file's name says 2026-05-16" in contradiction


def test_a_doubt_is_said_once() -> None:
    outcome = outcome_of(NEW | {"taken_at_source": "mtime", "rejected_logins": 0}, age=3)
    (platform,) = outcome.appended.platforms
    platform["trouble"] = ["its newest copy is doubtful: the reason"]
    doubt = {"platform": "one", "is_refused": False, "finding": "the reason"}
    earlier = doubt | {"taken_at": TAKEN_AT - timedelta(days=1)}
    outcome.appended = replace(outcome.appended, doubts=[earlier, doubt | {"taken_at": TAKEN_AT}])
    assert warning_lines(outcome) == [
        "the copy of one taken 2026-05-31 04:00 UTC is doubtful: the reason",
        "one: its newest copy is doubtful: the reason",
    ]


@pytest.mark.parametrize(("limit", "stale"), [(0, True), (1, True), (1.6, False), (36, False)])
def test_a_copy_is_old_by_a_limit_that_may_be_nothing(limit: float, stale: bool) -> None:
    outcome = outcome_of(NEW, age=1.5)
    outcome.warn_after_hours = limit
    (platform,) = summary_of(outcome, [])["platforms"]
    assert platform["is_stale"] == stale
    assert [", 2 hours ago" in line for line in summary_of(outcome, [])["trouble"]] == [
        True
    ] * stale
    assert not Outcome().is_stale(platform)


@pytest.mark.parametrize(("days_ago", "told"), [(29, 0), (27, 1)])
def test_only_gaps_that_ended_lately_are_told(days_ago: int, told: int) -> None:
    gap = {"gap_ended_at": TAKEN_AT - timedelta(days=days_ago)}
    (platform,) = summary_of(outcome_of(NEW, gaps=[gap]), [])["platforms"]
    assert len(platform["gaps"]) == told


def test_of_hundreds_of_warnings_twenty_and_their_number_are_told() -> None:
    warnings = [f"the copy {number} has values that are no logins" for number in range(720)]
    told = summary_of(Outcome(warnings=warnings), [])["warnings"]
    assert told == [*warnings[:20], "and 700 more, which are in the log"]


SFTP = "sftp://me@here.org/copy"


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        (SFTP, "sftp://here.org/copy: gone", "the source: gone"),
        (SFTP, "no key of here.org, nor there.org", "no key of the source, nor there.org"),
        ("sftp://me@db/copy", "by db: a db.example, an rdb", "by the source: a db.example, an rdb"),
        ("one=/srv/copy", "/srv/copy: gone", "the source: gone"),
        ("s3://bucket/a/key", "s3://bucket/a/key: gone", "the source: gone"),
        ("a", "a copy of a user", "a copy of a user"),
        ("", "nothing to hide", "nothing to hide"),
        ("https://h.org/x?v=1", "1 of 11 from https://h.org/x?v=1", "1 of 11 from the source"),
        ("https://h.org/x?dir=/", "see /logs/dbt.log", "see /logs/dbt.log"),
        ("https://h.org/x?v=1", "HTTP 401 at https://h.org/x", "HTTP 401 at the source"),
        ("https://[odd/x", "https://[odd/x makes no sense", "the source makes no sense"),
        ("sftp://u:p/ss@host/x", "sftp://u:p/ss@host/x: odd", "the source: odd"),
        ("/srv/x", "sftp://me:secret@elsewhere.org/x: odd", "the source: odd"),
    ],
)
def test_addresses_are_taken_out_of_a_text(source: str, text: str, expected: str) -> None:
    assert conceal(text, [source]) == expected
