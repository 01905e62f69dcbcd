"""Where one machine ends: a night in a file and in a lake, as history and copies grow.

    .venv/bin/python -m benchmarks.scale [LOGINS/PLATFORMS/USERS…]

For each size it makes a datastore with so many logins of ten years, and a lake with the same (a
real PostgreSQL and a real S3 service on this machine). It appends a night's copies of that many
users, of whom one in 60 has logged in since the night before, to both: wall time (s) and peak
memory (MB) of the append with all tests, without obtaining the copies. A proxy counts the lake's
bytes. A bucket's aren't measured: `--datastore s3://…` pulls the file, pushes it and reads it back.
300 million logins need 40 GB of disk for a while.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import duckdb

from benchmarks.history import ROOT, Cost, run
from ethelred_runner.append.append import append_once
from ethelred_runner.append.dbt import BuildOptions
from ethelred_runner.datastore import open_datastore
from ethelred_runner.obtain.last_logins import TABLES
from tests.support.lake import lake, lake_connection
from tests.support.storage import storage

SIZES = ("10_000/1/30_000", "10_000_000/1/30_000", "10_000_000/100/30_000", "10_000/1/3_000_000")
SEEDS = Path("data/scale-seeds")  # within the project, because dbt wants a relative path
NIGHT = "timestamp '2026-03-29 05:00:00'"
LOGINS = """
    insert into logins by name
    select
        'p' || i % {platforms} as platform, 'first' as copy_id, 1 as ordinal,
        {night} - interval 3653 day
        + to_microseconds(cast(i * {step} + hash(i) % {step} as bigint)) as logged_in_at,
        {night} - interval 2 day as appended_at
    from range({logins}) as numbers (i)
"""
COPIES = """
    insert into copies by name
    select
        platform, 'first' as copy_id, {night} - interval 2 day as taken_at,
        'override' as taken_at_source, taken_at as obtained_at, 0 as users,
        0 as users_ever_logged_in, 0 as rejected_logins, count(*) as new_logins
    from logins group by platform
"""
ACTIVE = "insert into active_users by name select platform, copy_id, taken_at, users from copies"
DAYS = """
    insert into logins_per_day by name
    select
        platform, timezone('Europe/London', timezone('UTC', hour))::date as day,
        sum(logins) as logins, max(appended_at) as last_appended_at,
        'Europe/London' as reporting_time_zone
    from (
        select
            platform, date_trunc('hour', logged_in_at) as hour, count(*) as logins,
            max(appended_at) as appended_at
        from logins group by all
    ) group by all order by all
"""
# A user's login of long ago, or of the last night if it is their turn.
USERS = """
    insert into last_logins
    select
        'p' || i % {platforms}, i % {platforms} + 1,
        strftime(
            {night} + interval ({number}) day - interval 20 hour
            - if(i // {platforms} % 60 = {number}, interval 0 day, interval (2 + i % 60) day)
            - if(i // {platforms} % 60 = {number}, interval 0 day, interval ({number}) day)
            + to_microseconds(i * 7919 % 60000000000), '%Y-%m-%d %H:%M:%S.%f'
        ), 'text'
    from range({users}) as numbers (i)
"""
OBTAINED = """
    insert into copies_obtained
    select
        'p' || i, i + 1, 'night {number} of ' || i, null, null,
        {night} + interval ({number}) day, {night} + interval ({number}) day, 'sqlite'
    from range({platforms}) as numbers (i)
"""


class Counter:
    """Passes TCP on to a port of this machine, and counts the bytes."""

    def __init__(self, target: int) -> None:
        self.target, self.pulled, self.pushed = target, 0, 0

    async def serve(self, started: "threading.Event") -> None:
        """Serve until the program ends."""
        server = await asyncio.start_server(self.link, "127.0.0.1", 0)
        self.port = int(server.sockets[0].getsockname()[1])
        started.set()
        await server.serve_forever()

    async def link(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """Connect a client with the service."""
        server, request = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(self.push(client, request), self.pull(server, answer))

    async def push(self, client: asyncio.StreamReader, request: asyncio.StreamWriter) -> None:
        """Pass on and count what the client sends."""
        while data := await client.read(2**18):
            self.pushed += len(data)
            request.write(data)
            await request.drain()
        request.close()

    async def pull(self, server: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """Pass on and count what the service answers."""
        while data := await server.read(2**18):
            self.pulled += len(data)
            answer.write(data)
            await answer.drain()
        answer.close()


def count(target: int) -> Counter:
    """Return a proxy that runs in a thread until the program ends."""
    counter, started = Counter(target), threading.Event()
    threading.Thread(target=asyncio.run, args=[counter.serve(started)], daemon=True).start()
    started.wait()
    return counter


def main() -> None:
    """Print a table, a line for each size."""
    print(f"{'logins':>12} {'platforms':>9} {'users':>11} | {'file s':>7} {'cpu s':>7} {'MB':>6}"
          f" {'file MB':>8} | {'lake s':>7} {'cpu s':>7} {'MB':>6} {'pulled':>7} {'pushed':>7}",
          flush=True)  # fmt: skip
    for size in sys.argv[1:] or SIZES:
        logins, platforms, users = (int(number) for number in size.split("/"))
        with tempfile.TemporaryDirectory(dir=os.environ.get("ETHELRED_WORK_DIR")) as name:
            measure({"logins": logins, "platforms": platforms, "users": users}, Path(name))


def measure(size: dict[str, int], folder: Path) -> None:
    """Print what a night costs in a file, then what it costs in a lake with the same history."""
    os.environ |= {"ETHELRED_SEEDS": str(SEEDS), "ETHELRED_ACCEPT_DOUBTS": "true"}
    write_seeds(size["platforms"])
    store = folder / "ethelred.duckdb"
    append(make_copies(folder, size | {"users": size["platforms"]}, 0), store, "--init")
    fill(store, size)
    append(make_copies(folder, size, 1), store)
    copies, before = make_copies(folder, size, 2), folder / "before.duckdb"
    shutil.copyfile(store, before)
    cost = append(copies, store)
    print(f"{size['logins']:>12,} {size['platforms']:>9,} {size['users']:>11,} | {told(cost)}"
          f" {store.stat().st_size / 1e6:>8.1f} |", end="", flush=True)  # fmt: skip
    with storage(folder) as port, lake((counter := count(port)).port, folder) as variables:
        with closing(lake_connection(variables)) as connection:
            connection.execute(f"attach '{before}' as file (read_only)")
            connection.execute("copy from database file to lake")
        counter.pulled = counter.pushed = 0
        cost = build(copies, variables)
        print(f" {told(cost)} {counter.pulled / 1e6:>7.1f} {counter.pushed / 1e6:>7.1f}",
              flush=True)  # fmt: skip


def told(cost: Cost) -> str:
    """Write a cost for the table."""
    return f"{cost.wall:>7.1f} {cost.cpu:>7.1f} {cost.memory:>6.0f}"


def write_seeds(platforms: int) -> None:
    """Write the project's seeds, with so many platforms."""
    shutil.copytree(ROOT / "seeds", ROOT / SEEDS, dirs_exist_ok=True)
    lines = (ROOT / "seeds" / "platforms.csv").read_text().splitlines()[:1]
    lines += [f"p{number},P{number},users,last_login,," for number in range(platforms)]
    (ROOT / SEEDS / "platforms.csv").write_text("\n".join(lines) + "\n")


def make_copies(folder: Path, size: dict[str, int], number: int) -> Path:
    """Write what the runner takes out of a night's copies."""
    path = folder / f"copies-{number}.duckdb"
    with closing(duckdb.connect(path)) as connection:
        connection.execute(TABLES)
        for statement in (OBTAINED, USERS):
            connection.execute(statement.format(night=NIGHT, number=number, **size))
    return path


def fill(store: Path, size: dict[str, int]) -> None:
    """Put a history of ten years in the place of a datastore's first night."""
    step = int(3650 * 86400e6 / size["logins"])
    with closing(duckdb.connect(store)) as connection:
        for table in ("logins", "copies", "active_users", "logins_per_day", "doubted_copies"):
            connection.execute(f"truncate {table}")
        for statement in (LOGINS, COPIES, ACTIVE, DAYS):
            connection.execute(statement.format(night=NIGHT, step=step, **size))
        connection.execute("checkpoint")


def append(copies: Path, store: Path, *more: str) -> Cost:
    """Append copies to a file in a process of its own, and return what that took."""
    return run([sys.executable, "-m", "benchmarks.scale", "append", str(copies), str(store), *more])


def append_here(copies: Path, store: str, *, init: bool) -> None:
    """Append copies to a file as `ethelred build` does."""
    with open_datastore(store) as datastore, datastore.checkout(init=init) as checkout:
        append_once(copies, checkout, BuildOptions(accept_doubts=True), dry_run=False)


def build(copies: Path, variables: dict[str, str]) -> Cost:
    """Append copies to a lake in a process of its own, and return what that took."""
    dbt, target = str(Path(sys.executable).with_name("dbt")), ["--quiet", "--target", "lake"]
    environment = os.environ | variables | {"ETHELRED_DBT_COPIES": str(copies)}
    run([dbt, "parse", *target], cwd=ROOT, env=environment)  # the runner keeps what is parsed, too
    build = [dbt, "build", *target, "--exclude-resource-type", "unit_test"]
    return run(build, cwd=ROOT, env=environment)


if __name__ == "__main__":
    if sys.argv[1:2] == ["append"]:
        append_here(Path(sys.argv[2]), sys.argv[3], init="--init" in sys.argv)
    else:
        main()
