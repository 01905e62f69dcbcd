"""Whatever happens during a run, the datastore is as before it or as after it."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.program import PROGRAM
from tests.support.truth import Night

from .conftest import logins, names, paths, sha256

SETTLED = {"ethelred.duckdb", ".ethelred.duckdb.lock"}


def start(store: Path, copies: list[Path]) -> "subprocess.Popen[bytes]":
    command: list[str | Path] = [PROGRAM, "build", *copies, "--datastore", store]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)


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
