"""The documentation of the models, as dbt writes it: one page, made again when a model changes."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.errors import ReportFailed
from ethelred_runner.fingerprint import fingerprint
from ethelred_runner.project import LOGS, PROJECT

KEPT = PROJECT / "target" / "documentation"
FOLDERS = ("models", "macros", "seeds", "tests/dbt")
COMMAND = [
    *(str(Path(sys.executable).with_name("dbt")), "--quiet", "docs", "generate"),
    *("--static", "--empty-catalog", "--no-version-check", "--no-use-colors"),
    *("--no-partial-parse", "--log-path", str(LOGS)),
    *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
]


def dbt_documentation() -> Path:
    """Return the page that documents the models as they are. Raises ReportFailed."""
    page = KEPT / f"{fingerprint(sources(), PROJECT)}.html"
    if not page.is_file():
        with console.working("documenting the models"):
            content = generate()
        KEPT.mkdir(parents=True, exist_ok=True)
        for old in KEPT.glob("*.html"):
            old.unlink(missing_ok=True)
        aside = page.with_suffix(f".{os.getpid()}")
        aside.write_text(content, encoding="utf-8")
        aside.replace(page)
    return page


def generate() -> str:
    """Have dbt write its documentation, without looking into any datastore."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*COMMAND, "--target-path", folder],
            cwd=folder,
            env=os.environ | {"ETHELRED_DBT_DATABASE": "none.duckdb"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        page = Path(folder) / "static_index.html"
        if done.returncode or not page.is_file():
            raise ReportFailed(f"dbt could not document the models: {done.stdout.strip()[:300]}")
        # It is published: where the project lies on this machine is nobody's business.
        return page.read_text(encoding="utf-8").replace(str(PROJECT), "").replace(folder, "")


def sources() -> Iterator[Path]:
    """Yield all that the documentation is made of, in order."""
    yield PROJECT / "dbt_project.yml"
    for folder in FOLDERS:
        yield from sorted(path for path in (PROJECT / folder).rglob("*") if path.is_file())
