"""The dbt project as an analyst uses it: plain dbt, no runner, no network, warnings are errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
DBT = Path(sys.executable).with_name("dbt")
LAYERS = ["staging", "intermediate", "history", "marts", "report"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build all models once, in a sandbox of this module's own, without a copy."""
    folder = tmp_path_factory.mktemp("dbt")
    dbt(folder, "build")
    return folder


def dbt(folder: Path, *arguments: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ETHELRED_")}
    # A proxy that isn't there: whoever asked for the network would fail.
    offline = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    files = {
        "ETHELRED_DBT_DATABASE": str(folder / "ethelred.duckdb"),
        "ETHELRED_DBT_COPIES": str(folder / "copies.duckdb"),
    }
    done = subprocess.run(
        [DBT, *arguments, "--target-path", str(folder / "target"), "--log-path", str(folder)],
        cwd=PROJECT,
        env=clean | offline | files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_tests_pass_on_their_own_after_a_build(sandbox: Path) -> None:
    said = dbt(sandbox, "test")
    assert "ERROR=0" in said
    assert "WARN=0" in said


def test_a_full_refresh_rebuilds_what_is_computed(sandbox: Path) -> None:
    assert "ERROR=0" in dbt(sandbox, "build", "--full-refresh")


def test_one_model_can_be_built_and_shown(sandbox: Path) -> None:
    dbt(sandbox, "run", "--select", "logins")
    assert "logged_in_at" in dbt(sandbox, "show", "--select", "logins")


def test_the_documentation_is_one_file(sandbox: Path) -> None:
    dbt(sandbox, "docs", "generate", "--static")
    assert (sandbox / "target" / "static_index.html").stat().st_size > 1_000_000


def test_nothing_is_deprecated(sandbox: Path) -> None:
    dbt(sandbox, "parse", "--no-partial-parse", "--show-all-deprecations", "--warn-error")


def test_layers_run_one_way_and_all_but_what_reads_the_copies_can_be_queried(sandbox: Path) -> None:
    manifest = json.loads((sandbox / "target" / "manifest.json").read_text(encoding="utf-8"))
    models = {key: one for key, one in manifest["nodes"].items() if key.startswith("model.")}
    for model in models.values():
        layer = model["fqn"][1]
        is_ephemeral = model["config"]["materialized"] == "ephemeral"
        assert is_ephemeral == (layer in ("staging", "intermediate")), model["name"]
        for read in model["depends_on"]["nodes"]:
            if read in models:
                assert LAYERS.index(models[read]["fqn"][1]) <= LAYERS.index(layer), model["name"]
