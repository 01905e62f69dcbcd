"""Tests of everything that a run needs: programs, settings, access to sources and datastore."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from ethelred_runner import console
from ethelred_runner.append.append import append
from ethelred_runner.datastore import Datastore, open_datastore
from ethelred_runner.datastore.database import NAME
from ethelred_runner.errors import EthelredError, UsageError, merged_error
from ethelred_runner.folders import private_folder
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.obtain import check_sources
from ethelred_runner.report import check_evidence, resolve_site
from ethelred_runner.settings import LOGS, PROJECT
from ethelred_runner.watch.outcome import refusals

TARGET = PROJECT / "target"  # dbt's output


def check_all(
    find_requests: Callable[[], Sequence[CopyRequest]],
    datastore: Datastore,
    site: Path,
    *,
    init: bool,
) -> None:
    """Run all checks and print their results. Raises the first error at the end."""
    checks: dict[str, Callable[[], str]] = {  # in the order of a run
        "Evidence": check_evidence,
        "folders": check_folders,
        "datastore": lambda: datastore.check(init=init),
        "site": lambda: str(resolve_site(site)),
        "sources": lambda: ", ".join(check_sources(find_requests())),
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
    """Test whether copies and logs can be written. Raises UsageError."""
    for folder in (LOGS, TARGET):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=folder).close()
        except OSError as error:
            reason = f"{folder} can't be written to: {error.strerror}"
            raise UsageError(f"{reason}; let this user write to it (chown, chmod)") from None
    with private_folder() as folder:
        return f"copies are kept in {folder.parent} during a run"


def try_sources(requests: Sequence[CopyRequest]) -> None:
    """Read copies into a temporary datastore, and print each platform's users and logins."""
    with private_folder() as folder, open_datastore(str(folder / "trial" / NAME)) as datastore:
        appended = append(requests, datastore, init=True, dry_run=True)
    for platform in appended.platforms:
        read = f"{platform['users']:,} users, {platform['logins']:,} logins"
        if platform["logins"]:
            first, newest = platform["first_login_at"], platform["newest_login_at"]
            read += f" from {first:%Y-%m-%d} to {newest:%Y-%m-%d}"
        console.say(f"{platform['platform']}: {read}, {platform['rejected_logins']:,} rejected")
    if failures := [*appended.failures, *refusals(appended)]:
        raise merged_error(failures)
