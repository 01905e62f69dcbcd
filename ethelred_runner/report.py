"""Build the site from the datastore: aside, and swapped in when it is whole."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from ethelred_runner import console
from ethelred_runner.datastore import connect
from ethelred_runner.documentation import dbt_documentation
from ethelred_runner.errors import ReportFailed, UsageError
from ethelred_runner.fingerprint import fingerprint
from ethelred_runner.project import LOGS, PROJECT
from ethelred_runner.simulate import is_simulated
from ethelred_runner.workspace import locked

REPORTS = PROJECT / "reports"
NODE = Path(sys.executable).with_name("node")
EVIDENCE = REPORTS / "node_modules" / ".bin" / "evidence"
LOG = LOGS / "report.log"
# What installing and building leave in the folder of the report.
NOT_SOURCE = {"node_modules", ".evidence", "build"}
SHOWN_LINES = 4
TEMPLATE = Path(".evidence", "template")
PARQUET = "format parquet, compression zstd, parquet_version v1"
CSV = "format csv, header"
# In a site, so that no folder is ever replaced that holds something else.
MARKER = ".ethelred-site"
MARK = "Ethelred made this folder, and replaces all of it with each new site.\n"
DEMO_MARK = "Its logins are simulated.\n"
# What a site has that was made before there was a marker.
PARTS = ("index.html", "_app/immutable", "data/ethelred", "dbt/index.html")
DATABASE = b"DUCK"  # the bytes from the ninth on of each DuckDB file
MISSING_FIGURES = "select platform, mart from missing_figures"


def report(datastore: Path, site: Path, base_path: str = "") -> bool:
    """Build the site, unless nothing that it is made of has changed; tell whether it was built.

    `base_path` is the path that the site is published under, such as `/ethelred`. Where only the
    data have changed since the last full build, its bundle is used again: seconds, not a minute.

    Raises ReportFailed if a query or a page fails, or if the folder holds something else than a
    site; it is then as it was.
    """
    base_path = normal_base_path(base_path)
    site = target_of(site)
    refuse_other_folder(site)
    with work_folder(site) as folder:
        stage_source(folder, base_path)
        source = fingerprint(parts_of(folder), folder)
        hand_over(datastore, folder)
        made_of = fingerprint(parts_of(folder), folder)
        stamp = read_stamp(site)
        if stamp.get("made_of") == made_of:
            console.say(f"the site in {site} is up to date")
            return False
        bundle = bundle_of(site)
        if stamp.get("source") != source or not pages_made_again(folder, bundle):
            bundle_anew(folder, bundle, source)
        mark(bundle / "build", datastore)
        swap_in(bundle / "build", site)
        write_stamp(site, {"made_of": made_of, "source": source, "base_path": base_path})
    console.say(f"the site is in {site}")
    return True


def target_of(site: Path) -> Path:
    """Return the folder that a path leads to, so that a link to a site stays one."""
    try:
        return site.expanduser().resolve()
    except (OSError, RuntimeError) as error:
        raise ReportFailed(f"--site {site} leads nowhere: it is a link to itself") from error


def refuse_other_folder(site: Path) -> None:
    """Raise ReportFailed unless the folder is missing or empty, or nothing but a site of ours."""
    if reason := why_not_replaced(site):
        raise ReportFailed(
            f"{site} {reason}, and a new site replaces all of its folder\n"
            "Nothing was removed: name a new or an empty folder with --site, or move that elsewhere"
        )


def why_not_replaced(site: Path) -> str | None:
    """Return what speaks against replacing a folder, if anything does."""
    try:
        if is_empty(site):
            return None
        if not site.is_dir():
            return "is no folder"
        if not is_site(site):
            return "holds something else than a site that Ethelred made"
        databases = (path.relative_to(site) for path in sorted(site.rglob("*")) if holds_data(path))
        found = next(databases, None)
    except OSError as error:
        return f"can't be looked into ({error.strerror})"
    return f"holds a database too ({found})" if found else None


def mark(built: Path, datastore: Path) -> None:
    """Write into a built site that it is one, and whether it is the demo's."""
    text = MARK + (DEMO_MARK if is_simulated(datastore) else "")
    (built / MARKER).write_text(text, encoding="utf-8")


def is_empty(folder: Path) -> bool:
    """Tell whether nothing is there, or an empty folder."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def is_of_demo(site: Path) -> bool:
    """Tell whether a site was made of simulated logins."""
    marker = site / MARKER
    return marker.is_file() and marker.read_bytes() == (MARK + DEMO_MARK).encode()


def is_site(folder: Path) -> bool:
    """Tell whether Ethelred made what a folder holds."""
    return (folder / MARKER).is_file() or all((folder / part).exists() for part in PARTS)


def holds_data(path: Path) -> bool:
    """Tell whether a file is a DuckDB database, such as a datastore."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(12)[8:] == DATABASE


def bundle_of(site: Path) -> Path:
    """Return the folder beside the site in which its last full build is kept."""
    return site.absolute().with_name(f".{site.name}.bundle")


def pages_made_again(folder: Path, bundle: Path) -> bool:
    """Make the pages from a kept bundle and the new data; tell whether that went well."""
    template = bundle / TEMPLATE
    if not (template / ".svelte-kit" / "output").is_dir():
        return False
    shutil.rmtree(template / "static" / "data", ignore_errors=True)
    shutil.copytree(folder / TEMPLATE / "static" / "data", template / "static" / "data")
    if run_node([str(NODE), "../../evidence/nightly.mjs"], template, "making the pages"):
        return True
    console.note("the kept bundle can't be used: building all of the site")
    return False


def bundle_anew(folder: Path, bundle: Path, version: str) -> None:
    """Build all of the site in the bundle's folder. Raises ReportFailed, which names the log."""
    shutil.rmtree(bundle, ignore_errors=True)
    folder.rename(bundle)
    command = ["npm", "run", "--silent", "build:strict"]
    built = run_node(command, bundle, "building the site", ETHELRED_SITE_VERSION=version[:16])
    if not built or not (bundle / "build").is_dir():
        shutil.rmtree(bundle, ignore_errors=True)
        raise ReportFailed("\n".join(["Evidence failed:", *said(), f"The full log is {LOG}"]))


def normal_base_path(base_path: str) -> str:
    """Return the path with a slash in front and none behind; empty for a host's root.

    Raises UsageError if it is no path.
    """
    parts = [part for part in base_path.split("/") if part]
    if any(not part.replace("-", "").replace("_", "").replace(".", "").isalnum() for part in parts):
        raise UsageError(f"--base-path {base_path} is no path such as /ethelred")
    return "".join(f"/{part}" for part in parts)


@contextmanager
def work_folder(site: Path) -> Iterator[Path]:
    """Make an empty folder beside the site, and remove it at the end.

    Another report that is at work there is waited for.
    """
    folder = site.absolute().with_name(f".{site.name}.work")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                yield folder
            finally:  # before another report may begin here
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise ReportFailed(f"the site can't be built beside {site}: {error.strerror}") from error


def stage_source(folder: Path, base_path: str) -> None:
    """Copy the report's source, with the path it is published under, into the work folder."""
    for path in REPORTS.iterdir():
        if path.name in NOT_SOURCE:
            continue
        copy = shutil.copytree if path.is_dir() else shutil.copy2
        copy(path, folder / path.name)
    (folder / "node_modules").symlink_to(REPORTS / "node_modules")
    documentation = folder / "static" / "dbt"
    documentation.mkdir()
    shutil.copyfile(dbt_documentation(), documentation / "index.html")
    if base_path:
        with (folder / "evidence.config.yaml").open("a", encoding="utf-8") as config:
            config.write(f"\ndeployment:\n  basePath: {base_path}\n")


def hand_over(datastore: Path, folder: Path) -> None:
    """Write what the report's source queries select as Parquet to where Evidence reads it."""
    data = folder / TEMPLATE / "static" / "data"
    rendered = []
    with closing(connect_as_ethelred(datastore)) as connection:
        refuse_missing_figures(connection)
        for query in sorted((folder / "sources" / "ethelred").glob("*.sql")):
            table = data / "ethelred" / query.stem / f"{query.stem}.parquet"
            table.parent.mkdir(parents=True)
            write(connection, query, table, PARQUET)
            rendered.append(f"static/{table.relative_to(data.parent)}")
        for query in sorted((folder / "downloads").glob("*.sql")):
            write(connection, query, data / f"{query.stem}.parquet", PARQUET)
            write(connection, query, data / f"{query.stem}.csv", CSV)
    manifest = {"renderedFiles": {"ethelred": rendered}}
    (data / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def connect_as_ethelred(datastore: Path) -> duckdb.DuckDBPyConnection:
    """Open a datastore under one name, whatever its file is called.

    In those of earlier versions the view missing_figures names its tables with that name.
    """
    connect(datastore).close()  # raises, in plain words, if that is impossible
    connection = duckdb.connect()
    quoted = str(datastore).replace("'", "''")
    connection.execute(f"attach '{quoted}' as ethelred (read_only)")
    connection.execute("use ethelred")
    return connection


def refuse_missing_figures(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise ReportFailed if a mart is empty although there are logins to show."""
    try:
        missing = connection.execute(MISSING_FIGURES).fetchall()
    except duckdb.Error as error:
        raise ReportFailed(
            f"the datastore's marts are incomplete: {str(error).splitlines()[0]}\n"
            "Append a copy that it hasn't read yet (ethelred run, or build): that makes them anew"
        ) from error
    if missing:
        named = ", ".join(f"{mart} ({platform})" for platform, mart in missing)
        raise ReportFailed(f"there are logins, but nothing to show of them in {named}")


def write(connection: duckdb.DuckDBPyConnection, query: Path, table: Path, options: str) -> None:
    """Write the result of one query to a file. Raises ReportFailed if it fails."""
    selected = query.read_text(encoding="utf-8").strip().rstrip(";")
    source = query.parents[1 if query.parent.name == "downloads" else 2]
    quoted = str(table).replace("'", "''")
    try:
        connection.execute(f"copy ({selected}) to '{quoted}' ({options})")
    except duckdb.Error as error:
        raise ReportFailed(
            f"reports/{query.relative_to(source)} fails: {str(error).splitlines()[0]}"
        ) from error


def parts_of(folder: Path) -> Iterator[Path]:
    """Yield all that the site is made of, in order: its source, its data, the packages' lock."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "node_modules" not in path.parts:
            yield path


def run_node(command: list[str], folder: Path, doing: str, **settings: str) -> bool:
    """Run a program of Node's in a folder, with its output in the log; tell if it succeeded."""
    environment = os.environ | {
        "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "SEND_ANONYMOUS_USAGE_STATS": "no",
        **settings,
    }
    LOGS.mkdir(exist_ok=True)
    with console.working(doing), LOG.open("w", encoding="utf-8") as log:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return done.returncode == 0


def said() -> list[str]:
    """Return the first lines of the log that tell of an error."""
    lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if "rror" in line][:SHOWN_LINES]


def swap_in(built: Path, site: Path) -> None:
    """Put the built site in place of the old one."""
    if not (built / "index.html").is_file():
        raise ReportFailed(f"Evidence built no site in {built}")
    refuse_other_folder(site)  # again: the build took a while
    old = site.with_name(f".{site.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.rename(old)
    built.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def stamp_of(site: Path) -> Path:
    """Return the file beside the site that says what it was made of."""
    return site.absolute().with_name(f"{site.name}.json")


def read_stamp(site: Path) -> dict[str, str]:
    """Return what is known of a built site; nothing if there is none, or if it can't be read."""
    if not (stamp_of(site).is_file() and (site / "index.html").is_file()):
        return {}
    try:
        stamp = json.loads(stamp_of(site).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(stamp, dict) and all(isinstance(value, str) for value in stamp.values())
    return stamp if whole else {}


def write_stamp(site: Path, stamp: dict[str, str]) -> None:
    """Write down what the site was made of."""
    stamp_of(site).write_text(json.dumps(stamp), encoding="utf-8")


def base_path_of(site: Path) -> str:
    """Return the path that a built site is to be published under."""
    return read_stamp(site).get("base_path", "")
