"""How the cost of a night grows with the history: append, whole build, and a dbt snapshot.

    .venv/bin/python benchmarks/history.py [LOGINS…]

For each number of logins (10 thousand, 1 million and 10 million unless given; 100 million needs
about 15 GB of disk for a while) it makes a datastore, then appends nightly copies of 25,000 users
with 500 new logins, as `ethelred build` does: wall and CPU time (s) and peak memory (MB) of the
whole build, and the wall time of the model `logins` alone. Beside it, what an analyst would
otherwise use on the same copies: a plain dbt snapshot (SCD 2, strategy check) of the users table,
over ten nights.
"""

import csv
import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
SIZES = (10_000, 1_000_000, 10_000_000)
USERS, NEW, REPEATS = 25_000, 500, 3
NIGHT = datetime(2026, 3, 29, 5)

# As many logins as are asked for, evenly over the ten years before the night.
LOGINS = """
    insert into logins by name
    select
        'opencodelists' as platform, 'first' as copy_id, cast(1 as integer) as ordinal,
        timestamp '{night}' - interval 1 day
        - to_microseconds(cast(i * {step} + hash(i) % {step} as bigint))
            as logged_in_at,
        timestamp '{night}' as appended_at
    from range({count}) as numbers (i) order by logged_in_at
"""
COPY = """
    insert into copies by name
    select
        'opencodelists' as platform, 'first' as copy_id, timestamp '{night}' - interval 1 day
        as taken_at, 'override' as taken_at_source, timestamp '{night}' as obtained_at,
        {users} as users, {users} as users_ever_logged_in, 0 as rejected_logins,
        {count} as new_logins
"""
ACTIVE = """
    insert into active_users by name
    select
        'opencodelists' as platform, 'first' as copy_id,
        timestamp '{night}' - interval 1 day as taken_at, {users} as users
"""
SNAPSHOT = """
{{% snapshot users %}}
{{{{ config(strategy='check', unique_key='username', check_cols=['last_login'],
    hard_deletes='invalidate') }}}}
select username, last_login from read_csv('{copy}', all_varchar = true)
{{% endsnapshot %}}
"""


@dataclass(frozen=True)
class Cost:
    """What a program took: seconds and megabytes."""

    wall: float
    cpu: float
    memory: float


def main() -> None:
    """Print a table, a line for each size."""
    sizes = [int(text.replace("_", "")) for text in sys.argv[1:]] or list(SIZES)
    print(f"{'logins':>12} {'file MB':>8} {'build s':>8} {'cpu s':>7} {'MB':>6} {'append s':>9}")
    with tempfile.TemporaryDirectory(dir=os.environ.get("ETHELRED_WORK_DIR")) as name:
        folder = Path(name)
        copies = [make_copy(folder / f"copy-{night}.sqlite3", night) for night in range(REPEATS)]
        for size in sizes:
            measure(size, copies, folder)
        print(f"\n{'nights':>12} {'MB':>8} {'wall s':>8} {'cpu s':>7} {'MB':>6}  dbt snapshot")
        for night, size_mb, cost in snapshots(folder):
            print(f"{night:>12} {size_mb:>8.1f} {told(cost)}")


def measure(size: int, copies: list[Path], folder: Path) -> None:
    """Print the best of a few nights that are appended one after the other."""
    store = make_datastore(size, folder / f"{size}" / "ethelred.duckdb", copies[0])
    nights = [append(copy, night, store) for night, copy in enumerate(copies)]
    cost = min((cost for cost, _ in nights), key=lambda cost: cost.wall)
    appended = min(seconds for _, seconds in nights)
    file = store.stat().st_size / 1e6
    print(f"{size:>12,} {file:>8.1f} {told(cost)} {appended:>9.2f}", flush=True)
    shutil.rmtree(store.parent)


def told(cost: Cost) -> str:
    """Write a cost for the table."""
    return f"{cost.wall:>8.2f} {cost.cpu:>7.2f} {cost.memory:>6.0f}"


def make_copy(path: Path, night: int) -> Path:
    """Make the copy of one night: 500 of the users have logged in since the night before."""
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "create table opencodelists_user (password, last_login, username varchar primary key"
            " not null, name, email, is_active, is_admin)"
        )
        base.executemany(
            "insert into opencodelists_user (username, last_login) values (?, ?)", users(night)
        )
    return path


def users(night: int) -> Iterator[tuple[str, str]]:
    """Yield each user with their latest login."""
    for number in range(USERS):
        is_new = number // NEW <= night
        days = min(number // NEW, night) if is_new else -(number // NEW)
        moment = NIGHT + timedelta(days=days, hours=-6, seconds=number % NEW, microseconds=number)
        yield f"user-{number}", f"{moment:%Y-%m-%d %H:%M:%S.%f}"


def make_datastore(size: int, path: Path, copy: Path) -> Path:
    """Make a datastore with so many logins, its tables as the models make them."""
    run(build_command(copy, 0, path, "--init"))
    values = {"night": NIGHT, "users": USERS, "count": size}
    values["step"] = int(timedelta(days=3650).total_seconds() * 1e6 / size)
    with closing(duckdb.connect(path)) as connection:
        for table in ("logins", "copies", "active_users", "logins_per_day"):
            connection.execute(f"truncate {table}")
        for statement in (LOGINS, COPY, ACTIVE):
            connection.execute(statement.format_map(values))
        connection.execute(
            "insert into logins_per_day by name select platform, timezone('Europe/London',"
            " timezone('UTC', logged_in_at))::date as day, count(*) as logins,"
            " max(appended_at) as last_appended_at from logins group by all order by all"
        )
        connection.execute("checkpoint")
    return path


def build_command(copy: Path, night: int, store: Path, *more: str) -> list[str]:
    """Return the command that appends a night's copy."""
    taken_at = f"{NIGHT + timedelta(days=night):%Y-%m-%dT%H:%M:%SZ}"
    program = str(Path(sys.executable).with_name("ethelred"))
    return [program, "build", str(copy), "--datastore", str(store), "--taken-at", taken_at, *more]


def append(copy: Path, night: int, store: Path) -> tuple[Cost, float]:
    """Append a night's copy; return the cost of it all, and the seconds of the append alone."""
    before = count(store)
    cost = run(build_command(copy, night, store))
    assert count(store) - before >= NEW, "nothing was appended"  # noqa: S101
    return cost, append_alone()


def append_alone() -> float:
    """Return the seconds of dbt's model `logins` in the last build, as its log says."""
    log = (ROOT / "logs" / "dbt.log").read_text(encoding="utf-8")
    return float(re.findall(r"model main\.logins \.+ \[OK in ([\d.]+)s\]", log)[-1])


def count(store: Path) -> int:
    """Return the number of logins."""
    with closing(duckdb.connect(store, read_only=True)) as connection:
        return int(connection.execute("select count(*) from logins").fetchall()[0][0])


def run(command: list[str], **more: object) -> Cost:
    """Run a program in a process of its own, and return what it and its children took."""
    reader, writer = os.pipe()
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = {"cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1000}
        os.write(
            writer,
            json.dumps(found | {"code": done.returncode, "said": done.stderr[-900:]}).encode(),
        )
        os._exit(0)
    found = json.loads(os.read(reader, 65536))
    os.waitpid(child, 0)
    assert found["code"] == 0, found["said"]  # noqa: S101
    return Cost(time.perf_counter() - started, found["cpu"], found["memory"])


def snapshots(folder: Path) -> Iterator[tuple[int, float, Cost]]:
    """Yield the cost of a plain dbt snapshot of the users, night after night."""
    project = folder / "snapshot"
    (project / "snapshots").mkdir(parents=True)
    copy, database = project / "users.csv", project / "s.duckdb"
    (project / "dbt_project.yml").write_text("name: s\nprofile: s\n")
    (project / "profiles.yml").write_text(
        f"s: {{target: d, outputs: {{d: {{type: duckdb, path: {database}, threads: 1}}}}}}\n"
    )
    (project / "snapshots" / "users.sql").write_text(SNAPSHOT.format(copy=copy))
    command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "snapshot"]
    for night in range(10):
        with copy.open("w", newline="") as lines:
            csv.writer(lines).writerows([("username", "last_login"), *users(night)])
        cost = run([*command, "--project-dir", str(project), "--profiles-dir", str(project)])
        if night in (0, 4, 9):
            yield night + 1, database.stat().st_size / 1e6, cost


if __name__ == "__main__":
    main()
