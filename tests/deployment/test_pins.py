"""The workflows' actions: pinned by commit, and run by a Node that GitHub still has."""

import re
from pathlib import Path

import pytest

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"
USES = re.compile(r"^\s*(?:- )?uses: *(.*)$", re.M)
PINNED = re.compile(r"[\w-]+/[\w-]+@(?P<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+")

# What we used to pin. The metadata of each (of what it calls, for the fourth) say `using: node20`,
# which GitHub took away from its runners in September 2026. Add the next generation when its time
# comes.
RETIRED = {
    "11bd71901bbe5b1630ceea73d27597364c9af683": "checkout v4.2.2",
    "a26af69be951a213d495a4c3e4e4022e16d87065": "setup-python v5.6.0",
    "ea165f8d65b6e75b540449e92b4886f43607fa02": "upload-artifact v4.6.2",
    "7b1f4a764d45c48632c6b24a0339c27f5614fb0b": "upload-pages-artifact v4.0.0",
    "d6db90164ac5ed86f2b6aed7e0febac5b3c0c03e": "deploy-pages v4.0.5",
}


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_every_action_is_pinned_and_of_a_living_generation(path: Path) -> None:
    text = path.read_text()
    used = USES.findall(text)
    assert len(used) == text.count("uses:")
    found = {action: PINNED.fullmatch(action) for action in used}
    assert [action for action, match in found.items() if not match] == []
    assert [
        RETIRED[match["commit"]] for match in found.values() if match and match["commit"] in RETIRED
    ] == []


def test_an_action_has_the_same_commit_everywhere() -> None:
    used = {action for path in WORKFLOWS.glob("*.yml") for action in USES.findall(path.read_text())}
    names = [action.partition("@")[0] for action in used]
    assert used
    assert sorted(names) == sorted(set(names))
