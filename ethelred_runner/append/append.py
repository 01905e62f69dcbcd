"""Obtain copies, have dbt append their logins to the datastore, check the result, commit it."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ethelred_runner import console
from ethelred_runner.append.checks import check_nothing_lost, is_same, refuse_cut
from ethelred_runner.append.dbt import BuildOptions, build_models
from ethelred_runner.append.result import Appended, leave_out_refused, read_result
from ethelred_runner.datastore import (
    Checkout,
    Conflict,
    Datastore,
    Row,
    import_history,
    refuse_damaged,
)
from ethelred_runner.datastore.reasons import as_datastore_errors
from ethelred_runner.errors import BuildFailed, DatastoreError, EthelredError
from ethelred_runner.folders import private_folder
from ethelred_runner.obtain.copy_requests import CopyRequest
from ethelred_runner.obtain.last_logins import COPIES_NAME, obtain_logins

MAX_COMMIT_ATTEMPTS = 5


def append(
    requests: Sequence[CopyRequest],
    datastore: Datastore,
    *,
    init: bool = False,
    dry_run: bool = False,
    options: BuildOptions = BuildOptions(),
) -> Appended:
    """Obtain copies into a private folder, and append their logins to the datastore.

    The errors of copies that can't be obtained are in the result; the other copies are appended. A
    copy in grave doubt is left out unless `options.accept_doubts` is set. The result lists all
    doubts. After a dry run, and if this raises, the datastore is unchanged.

    If no copy arrived, raises one error for all of them. Raises DatastoreError if the datastore is
    missing (without `init`), is locked, has another format or would lose history. Raises
    BuildFailed if a model or a test fails.
    """
    datastore.check(init=init)
    failures: list[EthelredError] = []
    with private_folder() as folder:
        with as_datastore_errors(folder.parent):  # the disk or the memory may be full
            logins = obtain_logins(requests, folder, failures)
        for _ in range(MAX_COMMIT_ATTEMPTS):
            try:
                with datastore.checkout(init=init) as checkout:
                    appended = append_once(logins, checkout, options, dry_run=dry_run)
                return replace(appended, failures=failures)
            except Conflict:
                console.note("another run has committed first; starting again from its version")
    raise DatastoreError(
        f"{datastore.label}: other runs committed first, {MAX_COMMIT_ATTEMPTS} times; run again "
        "when they have ended"
    )


def append_once(
    logins: Path, checkout: Checkout, options: BuildOptions, *, dry_run: bool
) -> Appended:
    """Append to a work file the logins that `obtain_logins` wrote into the file `logins`."""
    path = checkout.path
    shutil.copyfile(logins, path.with_name(COPIES_NAME))
    before, appended = build_accepted(path, options)
    if dry_run or not appended.platforms or is_same(path, before):
        checkout.discard()
    return appended


def build_accepted(path: Path, options: BuildOptions) -> tuple[Path | None, Appended]:
    """Build and check without the copies that are refused.

    Return a backup of the file from before the build (None if it is new), and the result. A copy is
    judged by the platform's earlier ones. So if one is refused, the others are judged again.
    """
    left_out: list[Row] = []
    while True:
        before = build_and_check(path, options)
        refused = leave_out_refused(path)
        if not refused:
            return before, read_result(path, before, left_out)
        left_out += refused
        path.unlink()
        if before:
            before.rename(path)


def build_and_check(path: Path, options: BuildOptions = BuildOptions()) -> Path | None:
    """Build and test the models in a work file, and check that its history is still whole.

    Return a backup of the file from before the build; None if it is new. Raises DatastoreError if
    history would be lost. Otherwise raises BuildFailed if a model or a test fails.
    """
    before = None
    if path.exists():
        before = shutil.copyfile(path, path.with_name("before.duckdb"))
        refuse_cut(before)
    try:
        build_models(path.parent, options)
    except BuildFailed:
        check_nothing_lost(path, before)
        raise
    check_nothing_lost(path, before)
    return before


def import_datastore(directory: Path, datastore: Datastore) -> None:
    """Create a datastore from an export.

    Raises DatastoreError if there is a datastore already, UsageError if there is no export.
    """
    if datastore.exists():
        raise DatastoreError(f"{datastore.label} exists already; import replaces no history")
    refuse_damaged(directory)
    with datastore.checkout(init=True, action="import") as checkout:
        build_models(checkout.path.parent)  # creates the tables as this Ethelred declares them
        import_history(directory, checkout.path)
        build_and_check(checkout.path)
