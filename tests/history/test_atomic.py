"""Whatever happens during a run, the datastore is as before it or as after it."""

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ethelred_runner.datastore import locked, refuse_open_elsewhere
from ethelred_runner.errors import DatastoreError
from tests.conftest import PROGRAM, Ethelred
from tests.truth import Night

from .conftest import logins, names, paths, query, sha256

SETTLED = {"ethelred.duckdb", ".ethelred.duckdb.lock"}


def start(store: Path, copies: list[Path]) -> "subprocess.Popen[bytes]":
    command: list[str | Path] = [PROGRAM, "build", *copies, "--datastore", store]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)


def kill_rounds(
    store: Path, copies: list[Path], rounds: int, seconds: float, ethelred: Ethelred
) -> dict[str, int]:
    """Kill runs at random instants; return in which state the datastore was found how often."""
    chance = random.Random(os.environ.get("KILL_SEED", "7"))  # noqa: S311
    pristine, before = store.read_bytes(), logins(store)
    found = {"before": 0, "after": 0}
    for number in range(rounds):
        store.write_bytes(pristine)
        runner = start(store, copies)
        time.sleep(chance.uniform(0, seconds))
        if number % 3:  # with dbt, as the out-of-memory killer or a reboot would
            os.killpg(runner.pid, signal.SIGKILL)
        else:
            runner.kill()
        runner.wait()
        if number % 3 == 0:
            finish_orphans(store)
        assert not store.with_name("ethelred.duckdb.wal").exists()
        state = "before" if store.read_bytes() == pristine else "after"
        assert state == "before" or len(logins(store)) > len(before)
        found[state] += 1
        if number % 10 == 9 or number == rounds - 1:
            ethelred("build", *copies, "--datastore", store)
            assert names(store.parent) == SETTLED
            assert len(logins(store)) > len(before)
    return found


def finish_orphans(store: Path) -> None:
    """Wait until a dbt whose runner was killed has ended: it holds the lock until then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ethelred_runner.datastore.WAIT_SECONDS", 60)
        with locked(store):
            pass


def test_killed_runs_leave_the_datastore_as_it_was_and_the_next_one_works(
    store: Path, nights: list[Night], ethelred: Ethelred
) -> None:
    found = kill_rounds(store, paths(nights[8:]), 1, 4, ethelred)
    assert sum(found.values()) == 1


@pytest.mark.slow
def test_a_hundred_and_twenty_killed_runs(
    store: Path, nights: list[Night], ethelred: Ethelred
) -> None:
    copies = paths(nights[8:])
    trial = shutil.copyfile(store, store.with_name("trial.duckdb"))
    started = time.monotonic()
    ethelred("build", *copies, "--datastore", trial)
    seconds = time.monotonic() - started
    trial.unlink()
    store.with_name(".trial.duckdb.lock").unlink()
    found = kill_rounds(store, copies, 120, seconds * 1.1, ethelred)
    sys.stderr.write(f"120 runs killed within {seconds * 1.1:.1f} s: {found}\n")  # shown by -s
    assert found["before"] > 60, found


@pytest.mark.parametrize("small_disk", ["6m"], indirect=True)
@pytest.mark.parametrize("left", [1_000_000, 3_000_000])
def test_a_full_disk(
    left: int, small_disk: Path, store: Path, nights: list[Night], ethelred: Ethelred
) -> None:
    """Without room for the copy of the datastore, and with room for that but not for the build."""
    full = shutil.copyfile(store, small_disk / "ethelred.duckdb")
    was = sha256(full)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - left))
    done = ethelred("build", *paths(nights[8:]), "--datastore", full, code=5)
    assert "is full" in done.stderr
    assert sha256(full) == was
    assert names(small_disk) == SETTLED | {"filler"}


def test_without_enough_memory(store: Path, nights: list[Night]) -> None:
    was = sha256(store)
    limit = 600 * 2**20  # bytes of address space: enough to begin
    done = subprocess.run(
        [PROGRAM, "build", *paths(nights[8:]), "--datastore", store],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (5, 6), done.stderr
    assert "Traceback" not in done.stderr
    assert sha256(store) == was


@pytest.mark.slow
def test_a_dbt_that_is_killed_for_its_memory(store: Path, nights: list[Night]) -> None:
    """The system's out-of-memory killer takes the largest program, and leaves the runner."""
    was = sha256(store)
    command: list[str | Path] = [PROGRAM, "build", nights[8].raw, "--datastore", store]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as runner:
        children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children")
        while not (found := children.read_text().split()):
            time.sleep(0.02)
        time.sleep(1)
        os.kill(int(found[0]), signal.SIGKILL)
        said = runner.communicate()[1]
    assert runner.returncode == 6, said
    assert "Traceback" not in said
    assert "failed build is kept" in said
    assert sha256(store) == was


def test_a_failing_data_test_keeps_the_build_for_a_look(
    store: Path, nights: list[Night], project: Path
) -> None:
    (project / "tests" / "dbt" / "never_content.sql").write_text("select 1 as one")
    was = sha256(store)
    earlier = store.with_name("ethelred.duckdb.failed")
    earlier.mkdir()
    (earlier / "junk").touch()
    done = run_in(project, store, nights[8:])
    assert done.returncode == 6, done.stderr
    assert "never_content" in done.stderr
    assert sha256(store) == was
    assert names(store.parent) == SETTLED | {"ethelred.duckdb.failed"}
    kept = Path(re.findall(r"the failed build is kept in (\S+)", done.stderr)[0])
    assert len(logins(kept / "ethelred.duckdb")) > len(logins(store))
    assert "junk" not in names(kept)
    assert not (kept / "copies.json").exists()


def run_in(
    project: Path, store: Path, nights: list[Night], *more: str
) -> "subprocess.CompletedProcess[str]":
    """Run a changed copy of the project."""
    command: list[str | Path] = [sys.executable, "-m", "ethelred_runner", "build"]
    return subprocess.run(
        [*command, *paths(nights), "--datastore", store, *more],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )


LOSSES = {
    "emptied": ("history/logins.sql", "{{ config(post_hook='delete from {{ this }}') }}\n"),
    "shortened": (
        "history/active_users.sql",
        "{{ config(post_hook='delete from {{ this }} where users = 154') }}\n",
    ),
    "rebuilt": ("history/copies.sql", "{{ config(materialized='table') }}\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("without_tests", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_model_that_loses_history_is_refused(
    loss: str, without_tests: bool, store: Path, nights: list[Night], project: Path
) -> None:
    was = sha256(store)
    name, config = LOSSES[loss]
    model = project / "models" / name
    model.write_text(config + model.read_text())
    if without_tests:  # dbt's own see nothing then: the runner must
        shutil.rmtree(project / "tests" / "dbt")
        (project / "tests" / "dbt").mkdir()
    done = run_in(project, store, nights[8:])
    assert done.returncode == 5, done.stderr
    assert "history" in done.stderr
    assert sha256(store) == was


@pytest.mark.slow
def test_a_renamed_model_is_refused(store: Path, nights: list[Night], project: Path) -> None:
    """The old table stays, and nothing is added to it: the new one begins from nothing."""
    was = sha256(store)
    for path in [*project.glob("models/**/*.*"), *project.glob("tests/dbt/*.sql")]:
        text = path.read_text().replace("ref('active_users')", "ref('active_people')")
        path.write_text(
            re.sub(r"(name|model): active_users$", r"\1: active_people", text, flags=re.M)
        )
    for model in project.glob("models/history/active_users.*"):
        model.rename(model.with_stem("active_people"))
    done = run_in(project, store, nights[8:])
    assert done.returncode == 5, done.stderr
    assert "active_users" in done.stderr
    assert sha256(store) == was


@pytest.mark.slow
def test_a_full_refresh_drops_nothing_that_accumulates(store: Path, project: Path) -> None:
    before = logins(store)
    subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "build", "--full-refresh", "--profiles-dir", "."],
        cwd=project,
        env=os.environ | {"ETHELRED_DBT_DATABASE": str(store), "PYTHONPATH": str(project)},
        check=True,
        capture_output=True,
    )
    assert logins(store) == before


def test_a_second_run_names_the_first_one_within_seconds(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ethelred_runner.datastore.WAIT_SECONDS", 0.2)
    holder = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys, time; from pathlib import Path; import ethelred_runner.datastore as d\n"
            "with d.locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)",
            store,
        ],
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DatastoreError, match=f"process {holder.pid}"), locked(store):
            pass
        holder.kill()
    with locked(store):
        pass


@pytest.mark.slow
def test_two_runs_at_once_both_bring_in_their_copies(store: Path, nights: list[Night]) -> None:
    """The second waits for the first, or says plainly that it can't; then it is run again."""
    runs = [start(store, paths(nights[8:9])), start(store, paths(nights[9:]))]
    codes = [run.wait() for run in runs]
    assert sorted(codes)[0] == 0
    assert set(codes) <= {0, 5}
    for code, night in zip(codes, nights[8:], strict=True):
        if code:
            assert start(store, [night.raw]).wait() == 0
    assert query(store, "select count(*) from copies") == [(10,)]


def test_a_datastore_that_is_open_for_writing_is_refused(
    store: Path, nights: list[Night], ethelred: Ethelred
) -> None:
    holder = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); c.execute('create table"
            " note (i int)'); print('open', flush=True); time.sleep(60)",
            store,
        ],
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"open\n"
        done = ethelred("build", nights[9].raw, "--datastore", store, code=5)
        with pytest.raises(DatastoreError, match="in use by another program"):
            refuse_open_elsewhere(store)
        holder.kill()
    assert f"process {holder.pid}" in done.stderr
