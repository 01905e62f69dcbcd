"""The weekly audit: what it makes of the registry's answer."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[2]
CAUSE = {
    "name": "cookie",
    "range": "<0.7.0",
    "severity": "high",
    "title": "odd characters",
    "url": "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", PROJECT / "scripts" / "audit.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(severity: str) -> str:
    cause = CAUSE | {"severity": severity}
    return json.dumps({"vulnerabilities": {"cookie": {"via": [cause]}, "kit": {"via": ["cookie"]}}})


@pytest.mark.parametrize(
    ("reply", "accepted", "well"),
    [
        (answer("high"), set(), False),
        (answer("critical"), {"GHSA-xxxx-yyyy-zzzz"}, False),
        (answer("high"), {"GHSA-aaaa-bbbb-cccc"}, True),
        (answer("moderate"), set(), True),
        ('{"vulnerabilities": {}}', set(), True),
        ('{"error": {"summary": "the audit endpoint returned an error"}}', set(), False),
        ("", set(), False),
    ],
)
def test_what_is_severe_and_not_accepted_fails(
    audit: ModuleType, reply: str, accepted: set[str], well: bool
) -> None:
    assert audit.judge(reply, accepted) is well


def test_only_the_first_column_of_a_table_accepts(audit: ModuleType) -> None:
    page = "| GHSA-aaaa-bbbb-cccc | see GHSA-dddd-eeee-ffff |\nnot GHSA-gggg-hhhh-iiii\n"
    assert audit.accepted_in(page) == {"GHSA-aaaa-bbbb-cccc"}
