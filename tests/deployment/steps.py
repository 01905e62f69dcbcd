"""A small, honest runner for workflows: it runs the jobs and steps that the YAML says, in order.

`run:` steps are run by bash as GitHub does, each job in a folder of its own, with a home and
temporary folder that were empty at first. `uses:` steps are stood in for by name:

- actions/checkout: a clone of what is committed; where one is, all but what setup has installed
  is removed, as a new machine with an installation in its cache
- actions/setup-python: the Python that runs the tests, which is first on PATH anyway
- actions/upload-artifact: the file or folder is copied to `artefacts`, under its name
- actions/upload-pages-artifact: the folder is copied to `artefacts/github-pages`
- actions/deploy-pages: that artefact becomes `published`, and its address the output `page_url`

An action without a stand-in, a key of a job or step that nothing here knows, or an expression of
another form than those in use fails.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.deployment.expressions import Contexts, condition, texts

PAGES = "https://somebody.example/logins/"
INSTALLED = (".venv", "reports/node_modules")
JOB_KEYS = {"runs-on", "timeout-minutes", "permissions", "outputs", "env", "steps", "needs", "if"}
STEP_KEYS = {"name", "id", "if", "env", "run", "uses", "with"}


@dataclass
class Job:
    """A job at work: where, with which variables, and what its steps have come to."""

    place: Path
    environment: Mapping[str, str]
    contexts: Contexts
    permissions: Mapping[str, str]
    well: bool = True
    outputs: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)


@dataclass
class Runner:
    """GitHub's part: the repository, its settings, and what its runs left behind."""

    repository: Path
    home: Path
    settings: Mapping[str, Mapping[str, str]]
    api: str
    log: str = ""  # of the last run
    logs: str = ""  # of all

    def __post_init__(self) -> None:
        self.artefacts, self.published = self.home / "artefacts", self.home / "published"
        self.summary = self.home / "summary.md"
        for name in ("artefacts", "jobs", "user", "temporary"):
            (self.home / name).mkdir(parents=True)

    def run(
        self, workflow: Path, inputs: Mapping[str, str] | None = None, schedule: str = ""
    ) -> dict[str, str]:
        """Run a workflow's jobs in order, and return the result of each."""
        read = yaml.safe_load(workflow.read_text(encoding="utf-8"))
        self.log = f"=== {read['name']} {schedule} {dict(inputs or {})}\n"
        self.summary.unlink(missing_ok=True)
        self.name = read["name"]
        # YAML reads the key `on` as true.
        assert not schedule or {"cron": schedule} in read[True]["schedule"]
        known = (read[True].get("workflow_dispatch") or {}).get("inputs", {})
        assert set(inputs or {}) <= set(known), "no such input"
        github = {"event": {"schedule": schedule}, "token": "the-token-of-this-run"}
        needs: dict[str, dict[str, Any]] = {}
        contexts = {**self.settings, "inputs": inputs or {}, "github": github, "needs": needs}
        for job_id, job in read["jobs"].items():
            needs[job_id] = self.job(job_id, job, contexts)
        self.logs += self.log
        return {job_id: done["result"] for job_id, done in needs.items()}

    def job(self, job_id: str, job: dict[str, Any], contexts: dict[str, Any]) -> dict[str, Any]:
        """Run a job, and return its result and outputs."""
        assert set(job) <= JOB_KEYS | {"environment"}, f"unknown: {set(job) - JOB_KEYS}"
        needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        known = {name: contexts["needs"][name] for name in needed}
        steps: dict[str, dict[str, dict[str, str]]] = {}
        contexts = {**contexts, "needs": known, "steps": steps}
        well = all(each["result"] == "success" for each in known.values())
        if not condition(job.get("if"), contexts, well=well):
            return {"result": "skipped", "outputs": {}}
        began, place = time.monotonic(), self.home / "jobs" / job_id
        place.mkdir(exist_ok=True)
        environment = texts(job.get("env", {}), contexts)
        at_work = Job(place, environment, contexts, job["permissions"], outputs=steps)
        for step in job["steps"]:
            self.step(step, at_work)
        outputs = texts(job.get("outputs", {}), contexts)
        result = "success" if at_work.well else "failure"
        self.log += f"--- the job {job_id}: {result}, {time.monotonic() - began:.0f} s\n"
        return {"result": result, "outputs": outputs}

    def step(self, step: dict[str, Any], job: Job) -> None:
        """Run one step, or what stands in for it, unless its `if` says no."""
        assert set(step) <= STEP_KEYS, f"unknown: {set(step) - STEP_KEYS}"
        if not condition(step.get("if"), job.contexts, well=job.well):
            return
        outputs: dict[str, str] = {}
        if "uses" in step:
            action = step["uses"].partition("@")[0]
            self.stand_in(action, texts(step.get("with", {}), job.contexts), job, outputs)
        else:
            job.well = self.bash(step, job, outputs) and job.well
        if "id" in step:
            job.outputs[step["id"]] = {"outputs": outputs}

    def bash(self, step: dict[str, Any], job: Job, outputs: dict[str, str]) -> bool:
        """Run a step's script as GitHub does; tell whether it succeeded."""
        written = self.home / "output"
        written.write_text("")
        own = {**job.environment, **texts(step.get("env", {}), job.contexts)}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=job.place,
            env={**self.machine(), **own, "GITHUB_OUTPUT": str(written)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.log += f"$ {step['run']}\n{done.stdout}\n"
        for line in written.read_text().splitlines():
            name, _, value = line.partition("=")
            outputs[name] = value
        return done.returncode == 0

    def machine(self) -> dict[str, str]:
        """Return what a machine has before the workflow's own variables.

        How this machine reaches the package registries is kept, whoever set it up that way.
        """
        own = ("ETHELRED_", "AWS_", "SSH_", "PYTEST_", "VIRTUAL_ENV", "GITHUB_", "XDG_")
        user = Path.home()
        registries = {
            "NPM_CONFIG_USERCONFIG": user / ".npmrc",
            "PIP_CONFIG_FILE": user / ".config" / "pip" / "pip.conf",
        }
        return {
            **{name: str(path) for name, path in registries.items() if path.is_file()},
            **{name: value for name, value in os.environ.items() if not name.startswith(own)},
            "CI": "true",
            "HOME": str(self.home / "user"),
            "TMPDIR": str(self.home / "temporary"),
            "RUNNER_TEMP": str(self.home / "temporary"),
            "PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "GITHUB_API_URL": self.api,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "somebody/logins",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_WORKFLOW": self.name,
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def stand_in(
        self, action: str, inputs: Mapping[str, str], job: Job, outputs: dict[str, str]
    ) -> None:
        """Do what an action would leave behind."""
        match action:
            case "actions/checkout":
                assert job.permissions["contents"] == "read"
                check_out(self.repository, job.place)
            case "actions/setup-python":
                pass
            case "actions/upload-artifact":
                self.keep(job.place / inputs["path"], inputs["name"], inputs["if-no-files-found"])
            case "actions/upload-pages-artifact":
                self.keep(job.place / inputs["path"], "github-pages", "error")
            case "actions/deploy-pages":
                assert job.permissions == {"pages": "write", "id-token": "write"}
                shutil.rmtree(self.published, ignore_errors=True)
                shutil.copytree(self.artefacts / "github-pages", self.published)
                outputs["page_url"] = PAGES
            case _:
                raise AssertionError(f"nothing stands in for {action}")

    def keep(self, path: Path, name: str, if_missing: str) -> None:
        """Keep a file or folder as an artefact, in place of one of that name."""
        kept = self.artefacts / name
        shutil.rmtree(kept, ignore_errors=True)
        if path.is_dir():
            shutil.copytree(path, kept)
        elif path.is_file():
            kept.mkdir()
            shutil.copy2(path, kept)
        else:
            assert if_missing == "ignore", f"there is no {path} to upload"


def check_out(repository: Path, place: Path) -> None:
    """Clone what is committed; of an earlier job only what was installed stays."""
    if (place / ".git").exists():
        kept = [argument for name in INSTALLED for argument in ("--exclude", f"/{name}")]
        subprocess.run(["git", "clean", "-ffdxq", *kept], cwd=place, check=True)
    else:
        subprocess.run(["git", "clone", "--quiet", repository, place], check=True)
