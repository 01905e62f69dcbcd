"""The report during development: it soon shows each change of a page or a model."""

import shutil
import socket
from contextlib import closing
from pathlib import Path
from subprocess import Popen

from watchfiles import watch

from ethelred_runner import console
from ethelred_runner.append.dbt import build_models
from ethelred_runner.append.result import warn_of_faults
from ethelred_runner.datastore import connect
from ethelred_runner.errors import EthelredError, ReportFailed, UsageError
from ethelred_runner.folders import private_folder
from ethelred_runner.report.evidence import REPORT_LOG, REPORTS, hand_over, show_evidence, stage
from ethelred_runner.settings import LOGS, PROJECT, setting

PORT = 3000  # Evidence's own, which can't be changed
LIVE = ("pages", "components")
MODELS = ("models", "macros", "dbt_project.yml")
# When this file is touched, the page that a browser shows is reloaded.
LAYOUT = Path(".evidence", "template", "src", "pages", "+layout.js")


def dev(datastore: Path) -> None:
    """Show the report of a datastore on this machine until it is interrupted.

    The models are built in copies of the datastore, so it stays as it is.

    Raises UsageError if the port is taken, BuildFailed or ReportFailed if the first build fails,
    and ReportFailed if Evidence ends.
    """
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            raise UsageError(f"port {PORT} is in use: end the program that has it first")
    with private_folder() as folder:
        project = folder / "project"
        stage(project)
        for name in LIVE:
            shutil.rmtree(project / name)
            (project / name).symlink_to(REPORTS / name)
        build_and_hand_over(datastore, project)
        with show_evidence(project) as evidence:
            console.say(f"the report is at http://localhost:{PORT}/ in a moment (Ctrl-C ends it)")
            console.note(f"Evidence's output is in {project / REPORT_LOG}")
            try:
                follow(datastore, project, evidence)
            except KeyboardInterrupt:
                console.note("ended")


def build_and_hand_over(datastore: Path, project: Path) -> None:
    """Build the models in a copy of the datastore, and give Evidence the marts."""
    with private_folder(inside=project.parent / "sandboxes") as sandbox:
        copy = Path(shutil.copyfile(datastore, sandbox / "ethelred.duckdb"))
        build_models(sandbox)
        with closing(connect(copy)) as connection:
            warn_of_faults(connection)
        hand_over(copy, project)


def follow(datastore: Path, project: Path, evidence: Popen[bytes]) -> None:
    """Build the models after each change, for as long as Evidence runs.

    If a build fails, its error is printed, and the page stays as it was.
    """
    watched = [PROJECT / name for name in (*MODELS, setting("ETHELRED_SEEDS", "seeds"))]
    for changes in watch(*watched, rust_timeout=1000, yield_on_timeout=True):
        if evidence.poll() is not None:
            raise ReportFailed(f"Evidence has ended: its log is {LOGS / REPORT_LOG}")
        if not changes:
            continue
        try:
            build_and_hand_over(datastore, project)
        except EthelredError as error:
            console.warn(f"{error}\nThe page stays as it was.")
        else:
            (project / LAYOUT).touch()
            console.say("the page shows the models as they are now")
