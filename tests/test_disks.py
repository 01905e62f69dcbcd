"""Tests that need a small disk run for ordinary users too, or say why they are left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.disks import AS_ROOT

PROJECT = Path(__file__).parents[1]
ONE = "tests/obtain/test_local.py::test_a_disk_too_small_is_noticed_before_anything_is_written"
ORDINARY = ("unshare", "--map-user=1000", "--map-group=1000")
NO_MORE = ("sh", "-c", 'echo 1 > /proc/sys/user/max_user_namespaces; exec "$@"', "sh")


def as_somebody(folder: Path, *before: str) -> str:
    """Run a test that needs a small disk as somebody else; return what pytest says of it."""
    if (tried := subprocess.run([*before, "true"], stderr=subprocess.PIPE, check=False)).returncode:
        pytest.skip(f"user namespaces aren't allowed here: {tried.stderr.decode().strip()}")
    pytest_itself = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*before, *pytest_itself, f"--basetemp={folder / 'somebody'}", ONE],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_ordinary_user_runs_them(tmp_path: Path) -> None:
    assert "1 passed" in as_somebody(tmp_path, *ORDINARY)


def test_without_the_right_to_mount_they_are_left_out_with_the_reason(tmp_path: Path) -> None:
    said = as_somebody(tmp_path, *AS_ROOT, *NO_MORE, *ORDINARY)
    assert "1 skipped" in said
    assert "mounting a small disk isn't allowed here: unshare: " in said
