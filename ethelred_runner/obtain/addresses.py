"""Addresses and names from elsewhere, as they may be shown and used."""

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit


def redacted(address: str) -> str:
    """Return an address without what may be secret: user, password, query and fragment."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def last_part(path: str) -> str:
    """Return the decoded last part of a URL's path as a name that is safe to print and use."""
    name = PurePosixPath(unquote(path).replace("\\", "/")).name
    return printable(name).lstrip(".")[:200] or "copy"


def printable(text: str) -> str:
    """Return a text without line ends and whatever else controls a terminal or a log."""
    return "".join(letter for letter in text if letter.isprintable())
