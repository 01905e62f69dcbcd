"""Two platforms in one run: OpenCodelists on SQLite, Job Server on a real PostgreSQL."""

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ethelred_runner.cli.run import run_job
from ethelred_runner.errors import CopyRejected
from ethelred_runner.obtain.copy_requests import requests_for
from ethelred_runner.settings import PROJECT
from ethelred_runner.watch.outcome import Outcome
from tests.support.datastores import query
from tests.support.postgres import postgres

OPENCODELISTS = PROJECT / "tests" / "samples" / "opencodelists" / "backups"
TABLE = (PROJECT / "tests" / "samples" / "dumps" / "jobserver.sql").read_text().partition(";")[0]
NIGHTS, USERS = 5, 40
LOGINS = "select logged_in_at from logins where platform = 'job-server'"
NEWEST_COPY = (
    "select users, active_1d from active_users where platform = 'job-server'"
    " order by taken_at desc limit 1"
)
FIRST_NIGHT = datetime(2026, 3, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], set[datetime]]:
    """Return the dumps of some nights, and all logins in them."""
    folder, generator = tmp_path_factory.mktemp("dumps"), random.Random(3)  # noqa: S311
    seen: set[datetime] = set()
    latest: dict[int, datetime] = {}
    dumps = []
    with postgres() as server:
        names = "select 'user-' || n, n || '@example.org' from generate_series(1, 40) as n"
        server.call("psql", "-c", f"{TABLE}; insert into jobserver_user (username, email) {names}")
        for night in range(NIGHTS):
            taken_at, updates = FIRST_NIGHT + timedelta(days=night), ""
            for user in generator.sample(range(1, USERS + 1), 15):
                ago = timedelta(microseconds=generator.randrange(1, 86400 * 10**6))
                latest[user] = taken_at - ago
                updates += f"update jobserver_user set last_login = '{latest[user].isoformat()}'"
                updates += f" where username = 'user-{user}'; "
            server.call("psql", "-c", updates)
            seen |= set(latest.values())
            dumps.append(folder / f"{night}.dump")
            options = ["--format=c", "--no-acl", "--no-owner", "-f", str(dumps[-1])]
            server.call("pg_dump", *options, time_zone="America/St_Johns")  # offsets of its own
            os.utime(dumps[-1], (taken_at.timestamp(), taken_at.timestamp()))
    return dumps, seen


def test_both_platforms_in_one_run(
    nights: tuple[list[Path], set[datetime]], tmp_path: Path
) -> None:
    dumps, seen = nights
    sources = [f"job-server={dump}" for dump in reversed(dumps)]
    sources += [str(path) for path in sorted(OPENCODELISTS.glob("2026-03-2[1-3]*"))]
    store, outcome = tmp_path / "history.duckdb", Outcome()
    run_job(requests_for(sources, "", None), str(store), outcome, init=True)
    found = sorted(str(row[0]) for row in query(store, LOGINS))
    assert found == sorted(str(moment.replace(tzinfo=None)) for moment in seen)
    shown = query(store, "select platform, count(*) from logins_timeseries group by 1 order by 1")
    assert [platform for platform, _ in shown] == ["job-server", "opencodelists"]
    assert query(store, NEWEST_COPY) == [(USERS, 15)]


def test_a_platform_does_not_hold_back_another(
    nights: tuple[list[Path], set[datetime]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """R7: what arrived is appended; the error has the worst exit code, and says what failed."""
    damaged = PROJECT / "tests" / "samples" / "damaged" / "truncated-half.sqlite3.zst"
    sources = [str(damaged), f"{tmp_path}/missing.sqlite3", f"job-server={nights[0][0]}"]
    store, outcome = tmp_path / "history.duckdb", Outcome()
    with pytest.raises(CopyRejected, match=r"truncated-half.*\n.*missing"):
        run_job(requests_for(sources, "", None), str(store), outcome, init=True)
    assert query(store, "select platform from copies") == [("job-server",)]
    assert "from 1 new copy" in capsys.readouterr().out
    assert outcome.appended.copies_read == {"job-server": 1}
    with pytest.raises(CopyRejected, match="truncated-half"):  # no copy arrived
        run_job(requests_for(sources[:2], "", None), str(tmp_path / "none"), Outcome(), init=True)
    assert not (tmp_path / "none").exists()
