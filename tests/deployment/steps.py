"""A small, honest runner for the steps of a workflow: it runs what the YAML says, in order.

`run:` steps are run by bash as GitHub does. `uses:` steps are stood in for by name:

- actions/checkout: the clone that the runner was given
- actions/setup-python: the Python that runs the tests, first on PATH
- actions/upload-pages-artifact: the folder is copied to `artefact`
- actions/deploy-pages: the artefact becomes `published`

An expression that is none of the few forms in use here, or an action without a stand-in, fails.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
Contexts = Mapping[str, Mapping[str, str]]
NAME = re.compile(r"(secrets|vars|inputs)\.(\w+)")


@dataclass
class Runner:
    """A machine with a clone, the settings of a repository, and what its runs left behind."""

    clone: Path
    home: Path
    settings: Mapping[str, Mapping[str, str]]
    log: str = ""
    summary: Path = field(init=False)

    def __post_init__(self) -> None:
        self.artefact, self.published = self.home / "artefact", self.home / "published"
        self.summary = self.home / "summary.md"

    def run(self, workflow: Path, inputs: Mapping[str, str] | None = None) -> bool:
        """Run a workflow's jobs in order; tell whether all steps succeeded."""
        contexts = {**self.settings, "inputs": inputs or {}}
        jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
        return all(self.job(job, contexts) for job in jobs.values())

    def job(self, job: dict[str, Any], contexts: Contexts) -> bool:
        """Run a job's steps until one fails."""
        environment = evaluated(job.get("env", {}), contexts)
        return all(self.step(step, environment, contexts) for step in job["steps"])

    def step(
        self,
        step: dict[str, Any],
        environment: Mapping[str, str],
        contexts: Contexts,
    ) -> bool:
        """Run one step, or what stands in for it."""
        if "uses" in step:
            self.stand_in(step["uses"].partition("@")[0], step.get("with", {}))
            return True
        environment = {**environment, **evaluated(step.get("env", {}), contexts)}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.clone,
            env={**self.machine(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.log += f"$ {step['run']}\n{done.stdout}\n"
        return done.returncode == 0

    def machine(self) -> dict[str, str]:
        """Return what a machine has before the workflow's own variables.

        How this machine reaches the package registries is kept, whoever set it up that way.
        """
        own = ("ETHELRED_", "AWS_", "SSH_", "PYTEST_", "VIRTUAL_ENV")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(own)},
            "CI": "true",
            "PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "GITHUB_REPOSITORY": "somebody/logins",
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def stand_in(self, action: str, inputs: Mapping[str, str]) -> None:
        """Do what an action would leave behind."""
        match action:
            case "actions/checkout" | "actions/setup-python":
                pass
            case "actions/upload-pages-artifact":
                shutil.rmtree(self.artefact, ignore_errors=True)
                shutil.copytree(self.clone / inputs["path"], self.artefact)
            case "actions/deploy-pages":
                shutil.rmtree(self.published, ignore_errors=True)
                shutil.copytree(self.artefact, self.published)
            case _:
                raise AssertionError(f"nothing stands in for {action}")


def evaluated(values: Mapping[str, Any], contexts: Contexts) -> dict[str, str]:
    """Return a mapping of the workflow with its expressions worked out."""
    return {
        name: EXPRESSION.sub(lambda found: one_of(found.group(1), contexts), str(value))
        for name, value in values.items()
    }


def one_of(expression: str, contexts: Contexts) -> str:
    """Work out `a || b`, of literals and names; what is not set is empty, as on GitHub."""
    for operand in map(str.strip, expression.split("||")):
        if re.fullmatch(r"'[^']*'", operand):
            return operand.strip("'")
        name = NAME.fullmatch(operand)
        assert name, f"the step runner doesn't know the expression {operand}"
        value = contexts[name.group(1)].get(name.group(2), "")
        if value:
            return value
    return ""
