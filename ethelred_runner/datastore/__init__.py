"""The datastore, which keeps the history: one file, or numbered versions in a bucket."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ethelred_runner.datastore.bucket import BucketDatastore
from ethelred_runner.datastore.database import (
    FORMAT,
    OPTIONAL_HISTORY_TABLES,
    REQUIRED_HISTORY_TABLES,
    Checkout,
    attach,
    connect,
)
from ethelred_runner.datastore.file import FileDatastore
from ethelred_runner.datastore.shell import open_shell
from ethelred_runner.datastore.status import Row, read_copies, read_status
from ethelred_runner.datastore.transfer import export_history, import_history, refuse_damaged
from ethelred_runner.datastore.versions import Conflict, Version, max_versions_kept
from ethelred_runner.errors import UsageError
from ethelred_runner.folders import clean_up, private_folder

__all__ = [
    "FORMAT",
    "OPTIONAL_HISTORY_TABLES",
    "REQUIRED_HISTORY_TABLES",
    "Checkout",
    "Conflict",
    "Datastore",
    "Row",
    "Version",
    "attach",
    "connect",
    "export_history",
    "import_history",
    "open_datastore",
    "open_shell",
    "read_copies",
    "read_status",
    "refuse_damaged",
]

Datastore = FileDatastore | BucketDatastore


@contextmanager
def open_datastore(address: str) -> Iterator[Datastore]:
    """Yield the datastore at a path or an `s3://` address. Raises UsageError for any other."""
    max_versions_kept()  # an invalid setting must fail before the run, not after its commit
    if address.startswith("s3://"):
        with private_folder() as folder:
            yield BucketDatastore(address, folder)
    # A slip must not become a local file, and messages show paths: this may hold a secret.
    elif "://" in address or re.match(r"(?i)\W?(s3[:/]|arn:)|\w+:(/|.*@)", address):
        raise UsageError(
            "--datastore: give a local path or s3://bucket/prefix (a folder named s3 is ./s3)"
        )
    else:
        store = FileDatastore(address)
        clean_up(store.path.parent)
        yield store
