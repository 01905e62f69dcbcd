"""The weekly audit, with every kind of answer from a registry."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.servers import needed

PROJECT = Path(__file__).parents[2]
ACCEPTED, UNKNOWN = "GHSA-67mh-4wv8-2f99", "GHSA-aaaa-bbbb-cccc"


def answer(severity: str, advisory: str) -> str:
    cause = {
        "name": "cookie",
        "range": "<0.7.0",
        "severity": severity,
        "title": "odd characters",
        "url": f"https://github.com/advisories/{advisory}",
    }
    return json.dumps({"vulnerabilities": {"cookie": {"via": [cause]}, "kit": {"via": ["cookie"]}}})


@pytest.mark.parametrize(
    ("reply", "passes"),
    [
        (answer("high", UNKNOWN), False),
        (answer("critical", UNKNOWN), False),
        (answer("high", ACCEPTED), True),
        (answer("moderate", UNKNOWN), True),
        ('{"vulnerabilities": {}}', True),
        ('{"error": {"summary": "the audit endpoint returned an error"}}', False),
        ("", False),
    ],
)
def test_what_is_severe_and_not_accepted_fails(tmp_path: Path, reply: str, passes: bool) -> None:
    needed("jq", "jq")
    (tmp_path / "reply.json").write_text(reply)
    for name, script in (("pip-audit", "true"), ("npm", f"cat {tmp_path}/reply.json")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o700)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([PROJECT / "scripts" / "audit"], cwd=PROJECT, env={"PATH": path})
    assert (done.returncode == 0) is passes
