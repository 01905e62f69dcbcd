"""Is everything that a run needs here: programs, settings, access to sources and datastore?"""

import os
from collections.abc import Callable, Sequence

from ethelred_runner import console
from ethelred_runner.datastore import Datastore
from ethelred_runner.errors import BuildFailed, EthelredError, UsageError
from ethelred_runner.folders import private_folder
from ethelred_runner.obtain.fetch import open_sources
from ethelred_runner.obtain.requests import Request
from ethelred_runner.report import check_evidence
from ethelred_runner.settings import LOGS, PROJECT


def check_all(
    find_requests: Callable[[], Sequence[Request]], datastore: Datastore, *, init: bool
) -> None:
    """Print what is well and what isn't. Raises the first error after all were tried."""
    checks: dict[str, Callable[[], str]] = {  # in the order of a run
        "dbt": check_dbt,
        "Evidence": check_evidence,
        "folders": check_folders,
        "datastore": lambda: datastore.check(init=init),
        "sources": lambda: ", ".join(open_sources(find_requests())),
    }
    errors = []
    for name, check in checks.items():
        try:
            console.say(f"ok       {name}: {check()}")
        except EthelredError as error:
            console.say(f"not ok   {name}: {error}")
            errors.append(error)
    if errors:
        raise errors[0]
    console.say("everything that a run needs is here")


def check_dbt() -> str:
    """Look for the dbt project. Raises BuildFailed."""
    if not (PROJECT / "dbt_project.yml").is_file():
        raise BuildFailed(f"there is no dbt project in {PROJECT}: install Ethelred with make setup")
    return "the models' project"


def check_folders() -> str:
    """Look whether copies, logs and what dbt has parsed can be written. Raises UsageError."""
    with private_folder():
        pass
    for folder in (LOGS, PROJECT / "target"):
        place = folder if folder.exists() else folder.parent
        if not os.access(place, os.W_OK | os.X_OK):
            raise UsageError(
                f"{folder} can't be written to: run Ethelred as the user who owns {PROJECT}"
            )
    return "copies and logs can be written"
