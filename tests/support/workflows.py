"""Run workflows with act on this machine, without a container or a network.

The engine implements expressions, conditions, inputs, outputs and secrets as GitHub does. Only
third-party actions and `make setup` are replaced, by files in `tests/deployment`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.program import PROJECT

ACT = Path(sys.executable).with_name("act")
STAND_INS = PROJECT / "tests" / "deployment"
WORKFLOWS = PROJECT / ".github" / "workflows"
USES = re.compile(r"uses: (?P<action>actions/(?P<name>[\w-]+))@(?P<commit>\w+)")
TOKEN = "the-token-of-this-run"
SUMMARY = "⚙  Summary - "  # act's mark before a step's summary
INHERITED = ("LANG", "TZ")


@dataclass
class Act:
    """A repository, its settings, and the results of its runs."""

    home: Path
    api: str
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    pages: str = ""  # the address of what is published
    page: str = ""  # the summary that the last run shows
    log: str = ""  # of the last run
    logs: str = ""  # of all

    def __post_init__(self) -> None:
        self.artefacts, self.published = self.home / "artefacts", self.home / "pages" / "logins"
        self.repository = self.home / "repository"
        self.temporary, self.user = self.home / "temporary", self.home / "user"
        for folder in (self.temporary, self.user, self.published):
            folder.mkdir(parents=True)
        clone = ["git", "clone", "--quiet", str(PROJECT), str(self.repository)]
        subprocess.run(clone, check=True)
        origin = ["git", "remote", "set-url", "origin", "https://github.com/somebody/logins"]
        subprocess.run(origin, cwd=self.repository, check=True)
        # act 0.2.89 refuses keys that it doesn't know, and queues nothing.
        pipeline = self.repository / ".github" / "workflows" / "pipeline.yml"
        pipeline.write_text(pipeline.read_text().replace("      queue: max\n", ""))

    def run(self, workflow: str, event: str, payload: Mapping[str, Any]) -> dict[str, str]:
        """Run a workflow of the repository; return the results of the jobs that ran."""
        shutil.rmtree(self.artefacts, ignore_errors=True)
        self.artefacts.mkdir()
        (self.home / "event.json").write_text(json.dumps(payload))
        done = subprocess.run(
            [ACT, event, *self.options(workflow)],
            cwd=self.repository,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        pages = [line["msg"].partition(SUMMARY) for line in lines]
        self.page = "".join(page for _, _, page in pages)
        self.log = f"=== {workflow} {event} {payload}\n"
        self.log += "".join(f"{line.get('job')}: {line.get('msg')}\n" for line in lines)
        self.logs += self.log
        return {line["jobID"]: line["jobResult"] for line in lines if "jobResult" in line}

    def schedule(self, workflow: str, cron: str) -> dict[str, str]:
        """Run a workflow as its schedule does."""
        assert f'cron: "{cron}"' in (WORKFLOWS / workflow).read_text()
        return self.run(workflow, "schedule", {"schedule": cron})

    def dispatch(self, workflow: str, **inputs: str) -> dict[str, str]:
        """Run a workflow by hand."""
        return self.run(workflow, "workflow_dispatch", {"inputs": inputs})

    def options(self, workflow: str) -> list[str]:
        """Return act's options."""
        options = ["--workflows", f".github/workflows/{workflow}", "--json", "--pull=false"]
        options += ["--eventpath", str(self.home / "event.json"), "--no-skip-checkout"]
        label = self.variables.get("ETHELRED_RUNS_ON", "ubuntu-24.04")
        for name in {label, "ubuntu-24.04"}:
            options += ["--platform", f"{name}=-self-hosted"]
        options += ["--no-cache-server"]
        for used in USES.finditer((WORKFLOWS / workflow).read_text()):
            stand_in = f"{used['action']}@{used['commit']}={STAND_INS / 'actions' / used['name']}"
            options += ["--local-repository", stand_in]
        for name in [*self.secrets, "GITHUB_TOKEN"]:  # their values come from the environment
            options += ["--secret", name]
        for name, value in self.variables.items():
            options += ["--var", f"{name}={value}"]
        for name, value in self.of_the_machine().items():
            options += ["--env", f"{name}={value}"]
        return options

    def of_the_machine(self) -> dict[str, str]:
        """Return the variables of a hosted machine, and those of the stand-ins."""
        return {
            "GITHUB_API_URL": self.api,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": "4711",
            "RUNNER_TEMP": str(self.temporary),
            "STAND_IN_ARTEFACTS": str(self.artefacts),
            "STAND_IN_INSTALLED": str(PROJECT),
            "STAND_IN_PAGES": self.pages,
            "STAND_IN_PUBLISHED": str(self.published),
            "STAND_IN_REPOSITORY": str(self.repository),
        }

    def environment(self) -> dict[str, str]:
        """Return act's own environment, which it passes on to the steps."""
        path = f"{STAND_INS / 'bin'}:{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        found = {name: os.environ[name] for name in INHERITED if name in os.environ}
        found |= {"PATH": path, "GITHUB_TOKEN": TOKEN, "NO_PROXY": "127.0.0.1"}
        found |= {"HOME": str(self.user), "TMPDIR": str(self.temporary)}
        return found | {"XDG_CACHE_HOME": str(self.home / "cache")} | dict(self.secrets)
