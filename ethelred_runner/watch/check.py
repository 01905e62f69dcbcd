"""Is everything that a run needs here: programs, settings, access to sources and datastore?"""

from collections.abc import Callable, Sequence

from ethelred_runner import console
from ethelred_runner.datastore import Datastore
from ethelred_runner.errors import EthelredError
from ethelred_runner.folders import private_folder
from ethelred_runner.obtain.fetch import open_sources
from ethelred_runner.obtain.requests import Request
from ethelred_runner.report import check_evidence


def check_all(
    find_requests: Callable[[], Sequence[Request]], datastore: Datastore, *, init: bool
) -> None:
    """Print what is well and what isn't. Raises the first error after all were tried."""
    checks: dict[str, Callable[[], str]] = {  # in the order of a run
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


def check_folders() -> str:
    """Look whether copies can be put somewhere. Raises UsageError."""
    with private_folder() as folder:
        return f"copies lie in {folder.parent} while they are needed"
