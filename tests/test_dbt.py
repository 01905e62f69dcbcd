"""The dbt project as an analyst uses it: plain dbt without network, and warnings are errors."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import duckdb
import pytest
from django.utils.dateparse import parse_datetime

from ethelred_runner.report.evidence import published_marts
from tests.support.built_once import built_once
from tests.support.datastores import execute, query

PROJECT = Path(__file__).parents[1]
DBT = Path(sys.executable).with_name("dbt")
FEED = (PROJECT / "reports" / "downloads" / "feed.xml.sql").read_text(encoding="utf-8")
# An import CTE: `NAME as (select * from {{ ref('MODEL') }})`, or source('copies', 'TABLE').
IMPORT = re.compile(
    r"(\w+) as (?:not materialized )?\(\s+select \* from \{\{ (?:ref\(|source\('copies', )'(\w+)'"
    r"\)(?:\.include\(database=false\))? \}\}\s+\)"
)
COMPILED = Path("target", "compiled", "ethelred")
# They take a minute, and don't depend on the datastore.
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
LAYERS = ["staging", "intermediate", "history", "marts", "report"]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and document all models once, in a sandbox of their own, without a copy."""
    return built_once(tmp_path_factory, "dbt", build_sandbox)


def build_sandbox(folder: Path) -> None:
    """The first command also reports deprecations. The others reuse its parse."""
    dbt(folder, "parse", "--no-partial-parse", "--show-all-deprecations", "--warn-error")
    dbt(folder, "build", *WITHOUT_UNIT_TESTS)
    dbt(folder, "docs", "generate", "--static")


@pytest.fixture
def own(sandbox: Path, tmp_path: Path) -> Path:
    """Return a copy of the sandbox, which a test may change."""
    return shutil.copytree(sandbox, tmp_path / "dbt")


def dbt(folder: Path, *arguments: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ETHELRED_")}
    # A proxy that doesn't exist, so that any use of the network fails.
    offline = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    # Relative, so that dbt reuses its parse in a copy of the sandbox.
    files = {
        "ETHELRED_DBT_DATABASE": "ethelred.duckdb",
        "ETHELRED_DBT_COPIES": "copies.duckdb",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder),
    }
    done = subprocess.run(
        [DBT, *arguments, *(f"--{kind}-dir={PROJECT}" for kind in ("project", "profiles"))],
        cwd=folder,
        env=clean | offline | files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_tests_pass_on_their_own_after_a_build(own: Path) -> None:
    """The models' unit tests run only here."""
    said = dbt(own, "test")
    assert "ERROR=0" in said
    assert "WARN=0" in said


def test_a_full_refresh_counts_again_and_drops_nothing_that_accumulates(
    own: Path, datastore: Path
) -> None:
    store = own / "ethelred.duckdb"
    shutil.copyfile(datastore, store)
    execute(store, "update logins_per_day set logins = 0")
    # As in a sandbox of an older version.
    execute(own / "copies.duckdb", "drop view if exists stg_last_logins")
    execute(own / "copies.duckdb", "alter table copies_obtained drop column kind")
    dbt(own, "build", "--full-refresh", *WITHOUT_UNIT_TESTS)
    for table in ("logins", "copies", "active_users", "logins_per_day"):
        assert query(store, f"from {table}") == query(datastore, f"from {table}") != []


def test_one_model_can_be_built_and_shown(own: Path) -> None:
    dbt(own, "run", "--select", "logins")
    assert "logged_in_at" in dbt(own, "show", "--select", "logins")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_notes_in_another_encoding_are_known_as_such(
    encoding: str, sandbox: Path, tmp_path: Path
) -> None:
    query = (sandbox / COMPILED / "models/staging/stg_note_lines.sql").read_text(encoding="utf-8")
    assert f"{PROJECT}/seeds/" in query
    for name in ("annotations", "bank_holidays"):
        (tmp_path / f"{name}.csv").write_text("header\nall,2026-03-22,,Café opened", encoding)
    with closing(duckdb.connect()) as connection:
        found = connection.sql(query.replace(f"{PROJECT}/seeds", str(tmp_path))).fetchall()
    line = "all,2026-03-22,,Café opened" if encoding.startswith("utf-8") else None
    assert sorted(found) == [("annotations", line), ("bank_holidays", line)]


def test_the_documentation_is_one_file(sandbox: Path) -> None:
    assert (sandbox / "target" / "static_index.html").stat().st_size > 1_000_000


def manifest(sandbox: Path) -> Any:
    return json.loads((sandbox / "target" / "manifest.json").read_text(encoding="utf-8"))


def test_layers_run_one_way_and_all_but_what_reads_the_copies_can_be_queried(sandbox: Path) -> None:
    nodes = manifest(sandbox)["nodes"]
    models = {key: one for key, one in nodes.items() if key.startswith("model.")}
    for model in models.values():
        layer = model["fqn"][1]
        # Models that read the copies leave at most a table in copies.duckdb.
        leaves_nothing = model["config"]["materialized"] == "ephemeral"
        leaves_nothing |= model["database"] == "copies"
        assert leaves_nothing == (layer in ("staging", "intermediate")), model["name"]
        for read in model["depends_on"]["nodes"]:
            if read in models:
                assert LAYERS.index(models[read]["fqn"][1]) <= LAYERS.index(layer), model["name"]


def test_an_import_cte_has_the_name_of_its_model() -> None:
    imports = [
        (path.name, *found)
        for path in PROJECT.glob("models/*/*.sql")
        for found in IMPORT.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(imports) > 30
    assert [one for one in imports if one[1] != one[2]] == []


def test_exposures_are_what_the_report_reads_and_its_folder_is_for_it_alone(sandbox: Path) -> None:
    found = manifest(sandbox)
    read = {one["name"]: set(one["depends_on"]["nodes"]) for one in found["exposures"].values()}
    assert read["site"] == {f"model.ethelred.{mart}" for mart in published_marts()}
    assert read["feed"] == {f"model.ethelred.{mart}" for mart in duckdb.get_table_names(FEED)}
    of_report = {key for key, one in found["nodes"].items() if one["fqn"][1:2] == ["report"]}
    of_report = {key for key in of_report if key.startswith("model.")}
    parents = {key for one in of_report for key in found["nodes"][one]["depends_on"]["nodes"]}
    # The runner asks one of the others before it builds the site.
    assert len(of_report - read["site"] - read["feed"] - parents) == 1


def test_analyses_answer_their_questions(sandbox: Path, datastore: Path) -> None:
    compiled = sorted((sandbox / COMPILED / "analyses").glob("*.sql"))
    assert [path.name for path in compiled] == sorted(
        path.name for path in (PROJECT / "analyses").glob("*.sql")
    )
    with closing(duckdb.connect(datastore, read_only=True)) as connection:
        for path in compiled:
            asked = connection.sql(path.read_text(encoding="utf-8"))
            assert "platform" in asked.columns, path.name
            assert "change_year" not in asked.columns[6:]  # dbt show has six columns
            asked.fetchall()


def test_the_datastore_says_what_its_tables_and_columns_are(sandbox: Path) -> None:
    with closing(duckdb.connect(sandbox / "ethelred.duckdb", read_only=True)) as connection:
        undescribed = connection.sql(
            "select table_name, column_name from duckdb_columns() where comment is null"
            " and table_name in ('logins', 'copies', 'logins_timeseries', 'collection_gaps')"
        )
        assert undescribed.fetchall() == []
        comment = "select comment from duckdb_tables() where table_name = 'logins_timeseries'"
        assert "Grain: one platform and day" in connection.sql(comment).fetchall()[0][0]


def test_the_published_documentation_opens_with_the_projects_own_page(sandbox: Path) -> None:
    assert (
        "many people log in"
        in manifest(sandbox)["docs"]["doc.ethelred.__overview__"]["block_contents"]
    )


def as_django_reads(text: str) -> datetime | None:
    try:
        moment: datetime | None = parse_datetime(text)
    except ValueError:  # a day or an hour that doesn't exist
        return None
    return moment and (moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment)


def as_models_read(sandbox: Path, texts: list[str]) -> dict[str, datetime | None]:
    compiled = sandbox / COMPILED / "models/intermediate/int_last_logins.sql"
    with closing(duckdb.connect()) as connection:
        connection.execute(f"attach '{sandbox}/copies.duckdb' as found (read_only)")
        connection.execute(f"attach '{sandbox}/ethelred.duckdb' as ethelred (read_only)")
        connection.execute("attach ':memory:' as copies")
        connection.execute("create table copies.last_logins as from found.last_logins")
        connection.execute("create temp table texts as select unnest(?) as text", [texts])
        connection.execute("insert into copies.last_logins select 'a', 1, text, 'text' from texts")
        query = compiled.read_text(encoding="utf-8")
        found = dict(connection.execute(f"select value, logged_in_at from ({query})").fetchall())
    assert len(found) == len(texts)
    return {text: found[text] for text in texts}


def test_a_value_that_django_reads_as_a_date_and_a_time_is_read_so(sandbox: Path) -> None:
    dates = ["2026-06-01", "2026-6-1", "2026-02-29", "2026-00-01", "2024-02-29"]
    clocks = ["10:11", "9:5:7", "23:59:59.999999", "00:00:00,25", "24:00", "10:60", "1:2:3.1234567"]
    ends = ["", "Z", "+00", " +00:00", "+01", "-0930", "+14:00", "+23:59", "+24:00", " UTC", "  Z"]
    texts = [f"{day}{t}{clock}{end}" for day, t, clock, end in product(dates, " T", clocks, ends)]
    assert len(texts) > 500
    assert as_models_read(sandbox, texts) == {text: as_django_reads(text) for text in texts}


def test_the_spellings_that_newer_djangos_read_are_read_so(sandbox: Path) -> None:
    dates = ["2026-06-01", "20260601", "20260229", "2026-6-1"]
    clocks = ["10:11", "101112", "1011", "10", "0960", "235959.5", "24", "1011:12"]
    ends = ["", "Z", "+00", "+0130", "-09:30", " UTC"]
    texts = [f"{day}{t}{clock}{end}" for day, t, clock, end in product(dates, " T", clocks, ends)]
    assert as_models_read(sandbox, texts) == {text: as_django_reads(text) for text in texts}


# Zones without a clock change, with half an hour, with one at midnight, and with a skipped day.
ZONES = ["Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana"]
ZONES += ["Atlantic/Azores", "Africa/Cairo", "Pacific/Apia", "Pacific/Chatham", "Africa/Casablanca"]


def known_zones() -> list[str]:
    with closing(duckdb.connect()) as connection:
        known = connection.sql("select name from pg_timezone_names()").fetchall()
    return sorted({name for (name,) in known} & available_timezones())


@pytest.mark.parametrize(
    "zones", [ZONES, pytest.param(known_zones(), marks=pytest.mark.dice)], ids=["some", "all"]
)
def test_a_day_begins_at_its_first_moment_in_every_time_zone(
    zones: list[str], sandbox: Path
) -> None:
    compiled = sandbox / COMPILED / "models/marts/finished_days.sql"
    query = (
        f"select day, starts_at, ends_at from ({compiled.read_text(encoding='utf-8')}) order by 1"
    )
    days = [date(2025, 1, 1) + timedelta(number) for number in range(730)]
    with closing(duckdb.connect()) as connection:
        connection.execute("attach ':memory:' as ethelred; use ethelred")
        connection.execute(
            "create table logins_per_day as select 'a' as platform, $1 as day", days[:1]
        )
        connection.execute(
            "create table distinct_copies as"
            " select 'a' as platform, timestamp '2027-01-02' as taken_at"
        )
        for zone in zones:
            found = connection.execute(query.replace("Europe/London", zone)).fetchall()
            assert found[:730] == [
                (day, midnight(day, zone), midnight(day + timedelta(1), zone)) for day in days
            ], zone


def midnight(day: date, zone: str) -> datetime:
    moment = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return moment.astimezone(UTC).replace(tzinfo=None)
