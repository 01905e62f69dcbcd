"""systemd accepts the units."""

import re
import subprocess
from pathlib import Path

from tests.support.servers import needed

PROJECT = Path(__file__).parents[2]
UNITS = PROJECT / "scripts" / "systemd"


def verified(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Have systemd verify the units, as if installed at the place of this project."""
    program = needed("systemd-analyze", "systemd")
    units = sorted(folder.glob("ethelred*"))
    assert len(units) == 3
    command = [program, "verify", "--man=no", *map(str, units)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/srv/ethelred", str(PROJECT))
        (tmp_path / unit.name).write_text(text)
    done = verified(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "ethelred.timer").write_text("[Timer]\nOnCalendar=at dawn\n")
    assert "at dawn" in verified(tmp_path).stderr


def test_the_page_has_the_units_and_every_setting() -> None:
    page = (PROJECT / "docs" / "own-machine.md").read_text()
    assert [unit.name for unit in UNITS.iterdir() if unit.name not in page] == []
    page = (PROJECT / "docs" / "deployment.md").read_text()
    workflows = (PROJECT / ".github" / "workflows").glob("*.yml")
    text = "".join(path.read_text() for path in workflows)
    settings = set(re.findall(r"(?:secrets|vars)\.(\w+)", text))
    assert len(settings) > 15
    assert [name for name in sorted(settings) if f"`{name}`" not in page] == []
