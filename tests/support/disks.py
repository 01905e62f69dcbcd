"""A disk of a few megabytes, for tests of full ones.

Only root may mount one. For other users the test runs in a pytest of its own, as root in a user
namespace. Where the kernel doesn't allow that, the test is skipped and says why.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FIXTURE = "small_disk"
AS_ROOT = ("unshare", "--map-root-user", "--mount")


def mount(disk: Path, *before: str, size: str = "1m") -> None:
    """Mount a small disk, or skip the test if that isn't allowed."""
    command = [*before, "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
    done = subprocess.run([*command, disk], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting a small disk isn't allowed here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Mount a disk as large as the test's parameter, or `1m`. Without root, return just a folder.

    `pytest_pyfunc_call` then runs the test in a namespace, and not with that folder.
    """
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid():
        mount(disk, *AS_ROOT)
        yield disk
    else:
        mount(disk, size=getattr(request, "param", "1m"))
        yield disk
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test with a small disk where this user may mount one."""
    if FIXTURE not in pyfuncitem.fixturenames or not os.geteuid():
        return None
    folder = Path(str(pyfuncitem.funcargs["tmp_path"])) / "as-root"
    again = [*AS_ROOT, sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*again, f"--basetemp={folder}", pyfuncitem.nodeid],
        cwd=pyfuncitem.config.rootpath,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout, done.stdout
    return True
