"""The report while somebody works on it: Evidence shows each change of a page at once."""

import shutil
import socket
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.errors import UsageError
from ethelred_runner.folders import private_folder
from ethelred_runner.report.evidence import REPORTS, run_evidence, stage

PORT = 3000  # Evidence's own: it can't be told another
LIVE = ("pages", "components")


def dev(datastore_path: Path) -> None:
    """Show the report of a datastore on this machine until it is interrupted.

    Raises UsageError if the port is taken, ReportFailed if a query fails or Evidence ends.
    """
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            raise UsageError(f"port {PORT} is in use: end the program that has it first")
    with private_folder() as folder:
        project = folder / "project"
        stage(datastore_path, project)
        for name in LIVE:
            shutil.rmtree(project / name)
            (project / name).symlink_to(REPORTS / name)
        console.say(f"the report is at http://localhost:{PORT}/ in a moment (Ctrl-C ends it)")
        console.note(f"what Evidence says meanwhile is in {project / 'report.log'}")
        try:
            run_evidence(project, "dev", "showing the report")
        except KeyboardInterrupt:
            console.note("ended")
