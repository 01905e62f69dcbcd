#!/usr/bin/env python3
"""Ask the registries for known weaknesses of what is locked; fail on any that isn't accepted.

docs/security.md has the table of those accepted, with the reason for each. No answer isn't a
clean one: a registry that can't tell fails the audit too.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
ADVISORY = re.compile(r"GHSA(?:-\w{4}){3}|PYSEC-\d+-\d+|CVE-\d+-\d+")
SEVERE = ("high", "critical")  # what is less can only be found in the log


def main() -> None:
    """Audit what pip and npm install."""
    accepted = accepted_in((PROJECT / "docs" / "security.md").read_text(encoding="utf-8"))
    failed = [name for name, audit in (("pip", pip), ("npm", npm)) if not audit(accepted)]
    if failed:
        sys.exit(f"the audit of {' and '.join(failed)} failed: docs/security.md says what to do")


def accepted_in(page: str) -> set[str]:
    """Return the advisories in the first column of the page's tables."""
    first_cells = re.findall(r"^\|([^|]*)\|", page, re.MULTILINE)
    return {found for cell in first_cells for found in ADVISORY.findall(cell)}


def pip(accepted: set[str]) -> bool:
    """Audit the locked Python packages; tell whether all is well.

    `--strict` also fails on packages that the registry knows nothing of.
    """
    program = Path(sys.executable).with_name("pip-audit")
    command = [str(program), "--strict", "--disable-pip", "--require-hashes"]
    command += ["--requirement", "requirements.txt", "--progress-spinner", "off"]
    command += [f"--ignore-vuln={advisory}" for advisory in sorted(accepted)]
    return subprocess.run(command, cwd=PROJECT, check=False).returncode == 0


def npm(accepted: set[str]) -> bool:
    """Audit the site's locked packages; tell whether all is well."""
    command, folder = ["npm", "audit", "--json"], PROJECT / "reports"
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    return judge(done.stdout, accepted)


def judge(answer: str, accepted: set[str]) -> bool:
    """Print the advisories of npm's answer; tell whether it is one, and all severe are accepted."""
    try:
        report = json.loads(answer)
        found = advisories(report["vulnerabilities"])
    except (ValueError, KeyError, TypeError, AttributeError):
        print("npm: the registry gave no answer about advisories")
        return False
    for name, (severity, text) in sorted(found.items()):
        print(f"npm: {severity}{' (accepted)' if name in accepted else ''}: {text}")
    return not any(found[name][0] in SEVERE for name in found.keys() - accepted)


def advisories(vulnerabilities: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the advisories of npm's report: their names, severity and title."""
    causes = [cause for one in vulnerabilities.values() for cause in one["via"]]
    return {
        cause["url"].rpartition("/")[2]: (
            cause["severity"],
            f"{cause['name']} {cause['range']}: {cause['title']}, {cause['url']}",
        )
        for cause in causes
        if isinstance(cause, dict)
    }


if __name__ == "__main__":
    main()
