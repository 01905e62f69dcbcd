"""The places a copy can come from, one file for each kind."""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from ethelred_runner.errors import UsageError
from ethelred_runner.sources.base import (
    Authorization,
    Found,
    Interrupted,
    Reading,
    Source,
    SourceChanged,
)

__all__ = ["SCHEMES", "Found", "Interrupted", "Reading", "Source", "SourceChanged", "find_source"]

NONE = Authorization()

# Imported only when needed: the libraries behind them take up to 0.3 s to load.
SCHEMES = {
    "file": "local:LocalSource",
    "https": "web:WebSource",
    "http": "web:WebSource",
    "sftp": "sftp:SftpSource",
    "s3": "s3:S3Source",
}


def find_source(address: str, authorization: Authorization = NONE) -> Source:
    """Return the source at a path or URL; nothing is contacted yet.

    `authorization` is what a web server is told, if it is one.

    Raises UsageError if no source handles the scheme, or if the address makes no sense to it.
    """
    scheme = address.partition("://")[0].lower() if "://" in address else "file"
    if scheme not in SCHEMES:
        raise UsageError(
            f"no source handles {scheme}:// addresses: use a local path, or one of "
            f"{', '.join(f'{known}://' for known in SCHEMES if known != 'http')}"
        )
    module, name = SCHEMES[scheme].split(":")
    make = getattr(import_module(f"{__name__}.{module}"), name)
    more = [authorization] if module == "web" else []
    return cast(Callable[..., Source], make)(address, *more)
