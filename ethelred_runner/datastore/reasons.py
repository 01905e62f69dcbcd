"""Errors of a datastore in plain words, each with what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from obstore.exceptions import BaseError

from ethelred_runner.errors import DatastoreError
from ethelred_runner.folders import cause_of

EXPECTED = (OSError, MemoryError, duckdb.Error, BaseError)
MISSING = (  # it may be lost, so only --init creates one
    "there is no datastore. If this is the very first run, add --init to ethelred run or build; if "
    "not, restore it: past logins are kept nowhere else"
)
UNCHANGED = ", and run again; the datastore is as it was"
LOCKED = "Could not set lock on file"
LIMITS = "(?i)no space left|no more files|quota ?exceeded|file too large|too many open files"
REASONS = {  # by a pattern of the library's message; the first match counts
    "No more files": "the disk has free space, but room for no further file (df -i); delete files "
    f"that nobody needs{UNCHANGED}",
    "[Qq]uota ?[Ee]xceeded": f"the quota is used up; have it raised, or delete files{UNCHANGED}",
    "File too large": f"no file may become larger here; raise that limit (ulimit -f){UNCHANGED}",
    "Too many open files": f"too many files are open; raise that limit (ulimit -n){UNCHANGED}",
    "No space left|Insufficient ?Storage": "there is no room left; make room for four times the "
    f"datastore's size and 30 MB (a smaller ETHELRED_KEEP_VERSIONS needs less){UNCHANGED}",
    "MemoryError|OutOfMemory": "there is not enough memory; end other programs, or use a larger "
    f"machine{UNCHANGED}",
    LOCKED: "in use by another program; close it first",
    "[Ii]s a directory|regular file": "this is a folder; name a file in it",
    "database does not exist": MISSING,
    "name datastore_format does not": "this is no datastore of Ethelred, or it was emptied; "
    "restore it, or choose another with --datastore",
    "version number": "written by a newer DuckDB than this Ethelred's; update Ethelred",
    "not a valid DuckDB|[Cc]orrupt|read enough bytes|[Ss]erializ": "damaged, or no DuckDB file; "
    "restore an earlier version (ethelred versions, ethelred restore) or a backup",
    "Unable to rename file.*not (permitted|supported|impl)": "this file system has no hard links, "
    "which versions need; put the datastore on another one",
    "[Pp]ermission denied|not permitted|Read-only": "access is refused; check its permissions",
    "NoSuchBucket": "there is no such bucket; create it, or check the address",
    "RequestTimeTooSkewed|RequestExpired": "the service refuses this machine's clock; set it right",
    "403 Forbidden|401 Unauthorized|Token|configured region|Malformed|Redirect": "the service "
    "refuses access; check AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
    "AWS_SESSION_TOKEN, which expires",
    "501 Not Implemented": "the service lacks If-None-Match, which is needed; use another",
    "status code: 500": "the service failed, perhaps because it has no room left; see its log, and "
    "run again",
    "UnknownIssuer|peer certificate": "the service's certificate can't be trusted; if you have a "
    "certificate authority of your own, name its file in SSL_CERT_FILE",
    "PanicException": "the request can't be made; check the AWS_… variables",
    "obstore": "the service can't be reached, or failed; check AWS_ENDPOINT_URL and HTTPS_PROXY, "
    "and run again",
}


@contextmanager
def as_datastore_errors(place: Path | str) -> Iterator[None]:
    """Translate errors of the system, DuckDB and obstore into DatastoreError."""
    try:
        yield
    except BaseException as error:  # a panic of a library written in Rust is no Exception
        if isinstance(error, EXPECTED) or type(error).__name__ == "PanicException":
            raise explain(place, error) from error
        raise


def explain(place: Path | str, error: BaseException) -> DatastoreError:
    """Return an error for people, without the library's text, which may have values or keys."""
    words = f"{type(error)} {error} {cause_of(error, Path(place))}"
    reasons = [reason for pattern, reason in REASONS.items() if re.search(pattern, words)]
    unknown = f"failed ({type(error).__name__}); run again with --debug to see where"
    reason = reasons[0] if reasons else getattr(error, "strerror", None) or unknown
    holder = re.search(r" \(PID \d+\)", words)
    return DatastoreError(f"{place}: {reason}{holder[0] if holder else ''}")
