"""The workflows' actions are pinned by commit, and run on a Node that GitHub still has."""

import re
from datetime import date
from pathlib import Path

import pytest

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"
USES = re.compile(r"^\s*(?:- )?uses: *(.*)$", re.M)
PINNED = re.compile(r"(?P<action>[\w-]+/[\w-]+@[0-9a-f]{40}) # v\d+\.\d+\.\d+")

# When GitHub's runners lose each Node. Add the next one when GitHub announces its date.
RETIRED_ON = {
    "node12": date(2023, 6, 14),
    "node16": date(2024, 11, 12),
    "node20": date(2026, 9, 16),
}
# `using:` in the action.yml of each commit. upload-pages-artifact has that of the action it calls.
# Look it up for each new pin.
RUNTIMES = {
    "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1": "node24",
    "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97": "node24",
    "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f": "node24",
    "actions/upload-pages-artifact@fc324d3547104276b827a68afc52ff2a11cc49c9": "node24",
    "actions/deploy-pages@cd2ce8fcbc39b97be8ca5fce6e763baed58fa128": "node24",
}


def faults(text: str, today: date) -> list[str]:
    """Return the actions of a workflow without a pin, or with an unknown or removed runtime."""
    found = {used: PINNED.fullmatch(used) for used in USES.findall(text)}
    runtimes = {
        used: RUNTIMES.get(match["action"]) if match else None for used, match in found.items()
    }
    return [
        used
        for used, runtime in runtimes.items()
        if runtime is None or RETIRED_ON.get(runtime, date.max) <= today
    ]


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_every_action_is_pinned_and_of_a_living_generation(path: Path) -> None:
    text = path.read_text()
    assert len(USES.findall(text)) == text.count("uses:")
    assert faults(text, date.today()) == []


def test_a_generation_lives_until_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    old = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
    pin = f"- uses: {old} # v4.2.2"
    assert len(faults(pin, date(2026, 1, 1))) == 1
    monkeypatch.setitem(RUNTIMES, old, "node20")
    assert faults(pin, date(2026, 9, 15)) == []
    assert len(faults(pin, date(2026, 9, 16))) == 1
    assert len(faults("uses: actions/checkout@v7", date(2026, 1, 1))) == 1


def test_an_action_has_the_same_commit_everywhere() -> None:
    used = {action for path in WORKFLOWS.glob("*.yml") for action in USES.findall(path.read_text())}
    names = [action.partition("@")[0] for action in used]
    assert used
    assert sorted(names) == sorted(set(names))
