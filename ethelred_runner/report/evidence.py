"""Make an Evidence project of `reports/` and a datastore's figures, and have Evidence build it."""

import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from subprocess import Popen

import duckdb
import yaml  # dbt needs it anyway

from ethelred_runner.append.dbt import VARIABLES, take_parsed
from ethelred_runner.datastore import attach
from ethelred_runner.datastore.reasons import LIMITS
from ethelred_runner.errors import ReportFailed
from ethelred_runner.programs import run_program, started
from ethelred_runner.settings import LOGS, PROJECT

REPORTS = PROJECT / "reports"
EXPOSURES = PROJECT / "models" / "report" / "_exposures.yml"
# Where others read the marts: a breaking change makes a new version.
DATA = "data/v1"
ISO_8601 = "%Y-%m-%dT%H:%M:%SZ"
NODE = Path(sys.executable).with_name("node")
DBT = Path(sys.executable).with_name("dbt")
EVIDENCE = REPORTS / "node_modules" / "@evidence-dev" / "evidence" / "cli.js"
# What installing and building leave in the report's folder.
NOT_SOURCE = shutil.ignore_patterns("node_modules", ".evidence", "build")
MAX_LINES_SHOWN = 4
MAKE_MARTS = (
    "If an older version built this datastore, append a new copy (ethelred run, or build), or run "
    "ethelred build --recount: that makes the missing marts and columns"
)
# dbt's page requests a favicon that doesn't exist, and icons whose addresses are placeholders that
# its script fills in later.
MISSING_FILES = {
    ' xlink:href="{{': ' ng-attr-xlink:href="{{',
    "${require('./assets/favicons/favicon.ico')}": "data:,",
}
REPORT_LOG = "report.log"
MIN_FREE_BYTES = 2**20
# The error of a page, as evidence/components.js writes it.
PAGE_ERROR = re.compile(r"pages/\S*: <.*")
# Vite gives the cause, and then the file. SvelteKit lists the pages that it couldn't make.
ERROR = re.compile(r"(?!\s+at ).*rror|\[vite|file: |  - /")
QUERY_ERROR = "| Error in Query!"  # Evidence shows such an error on the page, and goes on


def check_evidence() -> str:
    """Look for Node and the report's packages. Raises ReportFailed."""
    for path in (NODE, EVIDENCE):
        if not path.exists():
            raise ReportFailed(f"{path} is missing: run make setup")
    return "Node and the report's packages"


def stage(folder: Path, base_path: str = "") -> None:
    """Turn a folder into an Evidence project without data."""
    shutil.copytree(REPORTS, folder, ignore=NOT_SOURCE, dirs_exist_ok=True)
    (folder / "node_modules").symlink_to(REPORTS / "node_modules")
    if base_path:
        with (folder / "evidence.config.yaml").open("a", encoding="utf-8") as config:
            config.write(f"\ndeployment:\n  basePath: {base_path}\n")


def hand_over(datastore: Path, folder: Path) -> None:
    """Write the published marts, and the downloads, to where Evidence expects them.

    Raises ReportFailed if a mart is missing, or empty although there are logins to show.
    """
    with closing(duckdb.connect()) as connection:
        # The datastore's views name this catalogue, whatever the name of its file.
        attach(connection, datastore, "ethelred")
        connection.execute("use ethelred")
        with as_report_errors("report_blockers"):
            blockers = connection.sql("select model, platform from report_blockers").fetchall()
        if blockers:
            named = ", ".join(f"{model} ({platform})" for model, platform in blockers)
            raise ReportFailed(f"there are logins, but nothing to show of them in {named}")
        static = folder / ".evidence" / "template" / "static"
        write_marts(connection, folder / "sources" / "ethelred", static)
        for file in sorted((folder / "downloads").rglob("*.sql")):
            path = static / file.relative_to(folder / "downloads").with_suffix("")
            with as_report_errors(file.name):
                lines = connection.sql(file.read_text(encoding="utf-8")).fetchall()
            path.write_text("\n".join(line for (line,) in lines), encoding="utf-8")


def write_marts(connection: duckdb.DuckDBPyConnection, queries: Path, static: Path) -> None:
    """Write each published mart, and the results of queries about them, as CSV and Parquet."""
    names = published_marts()
    connection.execute("create temp table published as select unnest(?) as mart", [names])
    for query in sorted(queries.glob("*.sql")):
        text = query.read_text(encoding="utf-8")
        with as_report_errors(query.name):
            connection.execute(f'create temp table "{query.stem}" as {text}')
        names.append(query.stem)
    (static / DATA).mkdir(parents=True, exist_ok=True)
    for name in names:
        with as_report_errors(name):
            mart = connection.sql(f'from "{name}"')
            mart.write_parquet(str(static / DATA / f"{name}.parquet"), compression="zstd")
            mart.write_csv(str(static / DATA / f"{name}.csv"), timestamp_format=ISO_8601)
    files = [f"static/{DATA}/{name}.parquet" for name in names]
    manifest = json.dumps({"renderedFiles": {"ethelred": files}})
    (static / "data" / "manifest.json").write_text(manifest, encoding="utf-8")


def published_marts() -> list[str]:
    """Return the marts that the site, and the readers of its data, depend on."""
    exposures = yaml.safe_load(EXPOSURES.read_text(encoding="utf-8"))["exposures"]
    (site,) = (one for one in exposures if one["name"] == "site")
    return re.findall(r"ref\('(\w+)'\)", " ".join(site["depends_on"]))


@contextmanager
def as_report_errors(name: str) -> Iterator[None]:
    """Translate the errors of one query into ReportFailed."""
    try:
        yield
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        # The datastore of an older version lacks newer marts.
        advice = f"\n{MAKE_MARTS}" if isinstance(error, duckdb.CatalogException) else ""
        raise ReportFailed(f"the report's query {name} fails: {reason}{advice}") from error


def build_evidence(folder: Path) -> None:
    """Build the pages of an Evidence project. Raises ReportFailed if one of them fails."""
    variables = evidence_variables(folder)
    run_for_report(
        [NODE, EVIDENCE, "build:strict"], folder, "building the site", REPORT_LOG, variables
    )


def show_evidence(folder: Path) -> AbstractContextManager[Popen[bytes]]:
    """Have Evidence serve a project, whose pages follow edits, until the context is left."""
    variables = evidence_variables(folder)
    return started([NODE, EVIDENCE, "dev"], folder=folder, log=REPORT_LOG, variables=variables)


def evidence_variables(folder: Path) -> dict[str, str]:
    """Return the variables that Evidence needs in a project's folder."""
    # Evidence starts Vite by npx, which must ask no registry for anything. HOME is replaced: a user
    # may have no home folder, or one with a registry's token in it.
    return {
        "HOME": str(folder),
        "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "SEND_ANONYMOUS_USAGE_STATS": "no",
        "npm_config_offline": "true",
        "npm_config_update_notifier": "false",
    }


def document_models(folder: Path, page: Path) -> None:
    """Have dbt document the models, without a datastore, and write the page into a new folder."""
    take_parsed(folder)
    command: list[str | Path] = [
        *(DBT, "--quiet", "docs", "generate", "--static", "--empty-catalog", "--no-use-colors"),
        *("--no-version-check", "--target-path", folder),
        *("--log-path", folder, "--project-dir", PROJECT, "--profiles-dir", PROJECT),
    ]
    run_for_report(command, folder, "documenting the models", "documentation.log", VARIABLES)
    made = (folder / "static_index.html").read_text(encoding="utf-8")
    page.parent.mkdir()
    # The page is published, so it must not show this machine's paths.
    made = made.replace(str(PROJECT), "").replace(str(folder), "")
    made = made.replace("<head>", '<head><meta name="robots" content="noindex">', 1)
    for asked, right in MISSING_FILES.items():
        made = made.replace(asked, right)
    page.write_text(made, encoding="utf-8")


def run_for_report(
    command: Sequence[str | Path], folder: Path, doing: str, log: str, variables: dict[str, str]
) -> None:
    """Run a program. Raises ReportFailed, with the errors in its log, if it fails.

    Raises OSError if a limit of the machine was met, such as a full disk.
    """
    succeeded, printed = run_program(
        command, folder=folder, doing=doing, log=log, variables=variables
    )
    if not succeeded or any(QUERY_ERROR in line for line in printed):
        limit = re.search(LIMITS, "\n".join(printed))
        # On a full disk the log may be cut, or empty.
        if limit or shutil.disk_usage(folder).free < MIN_FREE_BYTES:
            raise OSError(errno.ENOSPC, limit[0] if limit else os.strerror(errno.ENOSPC))
        # Evidence tries a failed page again, which repeats its errors.
        lines = list(dict.fromkeys(filter(ERROR.match, printed)))
        pages = [found.group() for line in lines if (found := PAGE_ERROR.search(line))]
        errors = pages[:1] or lines[:MAX_LINES_SHOWN]
        # A page may select columns that the datastore of an older version lacks.
        errors += [MAKE_MARTS] if "Internal Error" in " ".join(errors) else []
        raise ReportFailed("\n".join([f"{doing} failed:", *errors, f"The log is {LOGS / log}"]))
