"""Build the site in a private folder from the datastore, then replace the old site."""

import ctypes
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from ethelred_runner import console
from ethelred_runner.datastore import read_status
from ethelred_runner.datastore.reasons import LIMITS
from ethelred_runner.errors import ReportFailed, UsageError
from ethelred_runner.folders import cause_of, locked, make_folder, private_folder, set_access
from ethelred_runner.report.evidence import (
    REPORTS,
    build_evidence,
    document_models,
    hand_over,
    stage,
)

# Marks a site as built by Ethelred. Ethelred replaces only such sites and empty folders.
MARKER = "ethelred-site.json"
ADVICE = "mend that, or set ETHELRED_WORK_DIR to a folder on another disk; then run ethelred report"
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # <fcntl.h>, <linux/fs.h>


def build_site(datastore_path: Path, site: Path, base_path: str = "") -> None:
    """Build the site of a datastore, and put it in place of the site that is there.

    `base_path` is the path that the site is published under, such as `/ethelred`. If the site is a
    link, the folder that it points to is replaced. Waits while another report is being built.

    Raises UsageError if `base_path` is no path, ReportFailed if the site can't be put there, or if
    a query or a page fails; the site is then as it was.
    """
    base_path = f"/{base_path.strip('/')}".rstrip("/")
    if not re.fullmatch(r"(/[\w.-]+)*", base_path):
        raise UsageError(f"--base-path {base_path} is no path such as /ethelred")
    resolve_site(site)  # fails before the slow build
    # If a report is killed, its programs keep running. They hold the lock, so the next one waits.
    with locked(REPORTS), private_folder() as folder:
        try:
            built = build_pages(datastore_path, folder, base_path)
        except OSError as error:
            cause = cause_of(error, folder)
            if not re.search(LIMITS, cause):
                raise
            raise ReportFailed(
                f"the site can't be built in {folder.parent}: {cause}; {ADVICE}"
            ) from error
        swap_in(built, resolve_site(site))
    console.say(f"the site is in {site}")


def build_pages(datastore_path: Path, folder: Path, base_path: str) -> Path:
    """Build the site in a private folder; return the folder of its pages. Raises ReportFailed."""
    project = folder / "project"
    stage(project, base_path)
    hand_over(datastore_path, project)
    document_models(folder / "documentation", project / "static" / "dbt" / "index.html")
    build_evidence(project)
    built = project / "build"
    platforms = [platform["platform"] for platform in read_status(datastore_path)]
    files = [str(path.relative_to(built)) for path in files_in(built)]
    marker = json.dumps({"base_path": base_path, "platforms": platforms, "files": files})
    (built / MARKER).write_text(marker, encoding="utf-8")
    return built


def resolve_site(site: Path) -> Path:
    """Return the resolved folder of a site. Raises ReportFailed if it can't be replaced."""
    try:
        place = site.expanduser().resolve()
        make_folder(place.parent)
        foreign = find_foreign(place)
    except (OSError, RuntimeError) as error:
        raise ReportFailed(f"the site can't be put in {site}: {error}") from None
    if place.is_mount():
        raise ReportFailed(f"{site} is a mount point; name a folder in it with --site")
    if foreign:
        raise ReportFailed(
            f"{site} has files that no report has made, and stays as it is: move {foreign.name} "
            "away, or name a new or an empty folder with --site"
        )
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise ReportFailed(f"the site can't be put in {site}: {place.parent} can't be written to")
    return place


def find_foreign(place: Path) -> Path | None:
    """Return something in a site's folder that Ethelred didn't write, or None.

    If the marker lists no files, only databases count as foreign.
    """
    if not place.exists():
        return None
    if not (place / MARKER).is_file():
        return next(place.iterdir(), None)
    made = read_marker(place).get("files")
    if not isinstance(made, list):  # an empty marker, or an older version's
        return next(filter(is_database, files_in(place)), None)
    known = {place / str(name) for name in (*made, MARKER)}
    return next((path for path in files_in(place) if path not in known), None)


def files_in(folder: Path) -> list[Path]:
    """Return all files in a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def is_database(path: Path) -> bool:
    """Return whether a file is a DuckDB database."""
    with path.open("rb") as file:
        return file.read(12)[8:] == b"DUCK"


def swap_in(built: Path, place: Path) -> None:
    """Put a built site in its place, where an older one may be. Raises ReportFailed."""
    with private_folder(inside=place.parent) as aside:  # on the site's own disk
        try:
            new = shutil.copytree(built, aside / "site")
            if place.exists():
                keep_access(new, place)
                exchange(new, place)
            else:
                for path in (new, *new.rglob("*")):
                    set_access(path, path.stat().st_mode, like=place.parent)
                new.rename(place)
        except OSError as error:
            cause = f"{cause_of(error, aside)}; mend that, and run ethelred report"
            raise ReportFailed(f"the site can't be put in {place}: {cause}") from error


def keep_access(new: Path, old: Path) -> None:
    """Give a site the owner, group and mode of the one before."""
    mode = old.stat().st_mode
    readable = mode | (mode & 0o111) << 2  # who may pass through the folder may read its files
    for path in (new, *new.rglob("*")):
        set_access(path, mode if path.is_dir() else readable & 0o666, like=old)


def exchange(new: Path, old: Path) -> None:
    """Put a folder in the place of another, atomically if the system can."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    names = os.fsencode(new), os.fsencode(old)
    if rename and rename(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0:
        return
    aside = old.rename(new.with_name("old"))
    try:
        new.rename(old)
    except OSError:
        aside.rename(old)
        raise


def read_marker(site: Path) -> dict[str, Any]:
    """Return the content of a site's marker; an empty one if it is missing."""
    try:
        found = json.loads((site / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def base_path_of(site: Path) -> str:
    """Return the path that a built site is to be published under. Raises ReportFailed."""
    base_path = read_marker(site).get("base_path")
    if not isinstance(base_path, str):
        raise ReportFailed(f"there is no site in {site}; build it first: ethelred report")
    return base_path
