"""What a run came to, from results made by hand: its lines, its warnings, its JSON."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ethelred_runner.append.result import Appended
from ethelred_runner.datastore import CopyStatus, Gap, PlatformStatus, Status
from ethelred_runner.watch.outcome import (
    Outcome,
    conceal,
    result_lines,
    summary_of,
    utc_now,
    warning_lines,
)

TAKEN_AT = datetime(2026, 6, 1, 4, 59, 7)
OLD = CopyStatus("one", "old", TAKEN_AT, "newest_login", TAKEN_AT, 50, 5, 2)
NEW = replace(OLD, copy_id="new")


def outcome_of(
    *copies: CopyStatus, given: int = 1, limit: float = 36, gap: Gap | None = None
) -> Outcome:
    gaps = [gap] if gap else []
    status = Status(1, [PlatformStatus("one", copies, gaps, 40, None, None, None, 0, 0)])
    return Outcome(
        warn_after_hours=limit,
        status=status,
        appended=Appended(status, {"old"}, Counter(one=given)),
    )


def test_what_was_done_is_said() -> None:
    older = replace(NEW, copy_id="older", taken_at=TAKEN_AT - timedelta(days=1))
    assert result_lines(outcome_of(older, NEW, OLD, given=3)) == [
        "1 copy had been read before",
        "1 copy is older than the newest one known (backfill)",
        "appended 10 new logins from 2 new copies; the datastore holds 40 logins",
    ]
    assert result_lines(outcome_of(OLD))[1:] == [
        "nothing new to append; the datastore holds 40 logins"
    ]


def test_what_somebody_should_look_at_is_said() -> None:
    lines = warning_lines(outcome_of(NEW, limit=1))
    assert [
        "newest login stands in" in lines[0],
        "2 values could not be taken" in lines[1],
        "is its backup job at work?" in lines[2],
        len(lines),
    ] == [True, True, True, 3]
    plain = replace(NEW, taken_at=utc_now(), taken_at_source="mtime", rejected_logins=0)
    assert warning_lines(outcome_of(plain)) == []


@pytest.mark.parametrize(("limit", "stale"), [(0, True), (1, True), (1.6, False), (36, False)])
def test_a_copy_is_old_by_a_limit_that_may_be_nothing(limit: float, stale: bool) -> None:
    outcome = outcome_of(replace(NEW, taken_at=utc_now() - timedelta(hours=1.5)), limit=limit)
    (platform,) = summary_of(outcome, [])["platforms"]
    assert platform["is_stale"] == stale
    assert not Outcome().is_stale(outcome.platforms[0])


def test_no_second_of_a_login_is_in_the_summary() -> None:
    outcome = outcome_of(NEW, gap=Gap(TAKEN_AT - timedelta(days=3), TAKEN_AT, 72.0))
    outcome.finished_at = TAKEN_AT + timedelta(hours=2)
    outcome.warnings = warning_lines(outcome)
    summary = summary_of(outcome, [])
    (platform,) = summary["platforms"]
    assert platform["newest_copy_taken_at"] == "2026-06-01T04:00:00Z"
    assert platform["newest_copy_age_hours"] == 3.0
    assert platform["gaps"] == [
        {
            "gap_started_at": "2026-05-29T04:00:00Z",
            "gap_ended_at": "2026-06-01T04:00:00Z",
            "gap_hours": 72.0,
            "nights_missed": 2,
        }
    ]
    assert "04:59" not in str(summary | {"started_at": "", "finished_at": ""})


@pytest.mark.parametrize(("days_ago", "told"), [(29, 0), (27, 1)])
def test_only_gaps_that_ended_lately_are_told(days_ago: int, told: int) -> None:
    ended = TAKEN_AT - timedelta(days=days_ago)
    outcome = outcome_of(NEW, gap=Gap(ended - timedelta(days=3), ended, 72.0))
    (platform,) = summary_of(outcome, [])["platforms"]
    assert len(platform["gaps"]) == told


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
        ("https://h.org/x?v=1", "HTTP 401 at https://h.org/x", "HTTP 401 at the source"),
        ("https://[odd/x", "https://[odd/x makes no sense", "the source makes no sense"),
        ("sftp://u:p/ss@host/x", "sftp://u:p/ss@host/x: odd", "the source: odd"),
        ("/srv/x", "sftp://me:secret@elsewhere.org/x: odd", "the source: odd"),
    ],
)
def test_addresses_are_taken_out_of_a_text(source: str, text: str, expected: str) -> None:
    assert conceal(text, [source]) == expected
