"""How often a sound copy is doubted, and how often a bad one.

    .venv/bin/python -m benchmarks.doubts

Simulated nightly copies go through the models themselves (`dbt run`), each as a platform of its own
that has only what was known before that night. The platforms have 5 to 150 logins a weekday. Some
grow threefold, start slowly, or delete users who are long gone; all have weekends, two weeks of
holidays and missed nights; in one week, or on one day, a course brings 300 new users. Every
fiftieth night is made once more as each kind of bad copy. One that is a week old has three newer
logins.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent

SIMULATION = """
    set threads = 1;
    select setseed(0.5);
    create macro normal() as sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random());
    create table simulated as
        select
            unnest(range(50)) as number,
            [5, 12, 30, 65, 150][1 + number % 5] as level,
            number % 3 = 0 as grows,
            number % 4 = 0 as starts_slowly,
            number % 3 = 1 as cleans,
            if(number % 2 = 0, 1, 7) as course_days;
    create table days as
        select
            *,
            unnest(range(270)) as day,
            level * if(day % 7 > 4, 0.15, 1) * if(day between 120 and 133, 0.05, 1)
                * if(starts_slowly and day < 90, 0.05, 1) * if(grows, 1 + day / 90, 1) as mean,
            greatest(0, round(mean * exp(0.12 * normal()) + sqrt(mean) * normal()))::int as logins
        from simulated;
    create table drawn as
        select number, day, floor(8 * level * random() ** 2)::int as person, unnest(range(logins))
        from days
        union all
        select number, 200 + person % course_days, 1000000 + person, 0
        from simulated, unnest(range(300)) as course (person);
    create table timed as
        select
            number, person,
            timestamp '2026-01-05' + to_days(day) + to_microseconds(
                (3.6e9 * if(random() < 0.05, 24 * random(), 8 + 12 * random()))::bigint
            ) as logged_in_at
        from drawn;
    create table events as
        select
            *,
            lead(logged_in_at) over (partition by number, person order by logged_in_at) as next_at
        from timed;
    create table nights as
        select
            number, cleans, night,
            timestamp '2026-01-05' + to_days(night + 60) + to_seconds((18000 + 900 * random())::int)
                as taken_at
        from simulated, unnest(range(216)) as nights (night)
        where night < 2 or (random() > 0.03 and night not between 60 and 62);
    create table shown as
        select number, night, taken_at, person, logged_in_at
        from nights inner join events using (number)
        where logged_in_at <= taken_at and (next_at is null or next_at > taken_at)
            and not (cleans and night >= 120 and logged_in_at < taken_at - interval 90 day);
    create table seen as
        select number, logged_in_at, min(night) as first_night from shown group by all;
    create table totals as
        select
            number, night, any_value(taken_at) as taken_at, number || ' ' || night as content,
            count(*) as users_ever_logged_in, max(logged_in_at) as latest_login_at,
            count(*) filter (logged_in_at >= taken_at - interval 168 hour) as active_7d,
            max(night) over before as night_before, max(content) over before as content_before
        from shown group by number, night
        window before as (
            partition by number order by night rows between 1 preceding and 1 preceding
        )
"""
KINDS = {  # the value and the storage class that a bad copy has for a login
    "sound": "logged_in_at",
    "other environment": "logged_in_at",
    "clock an hour ahead": "logged_in_at + interval 1 hour",
    "clock an hour behind": "logged_in_at - interval 1 hour",
    "epochs": "epoch(logged_in_at)::bigint",
    "no users": None,
    "no logins": "null",
    "half the users": "logged_in_at",
    "cut to milliseconds": "date_trunc('milliseconds', logged_in_at)",
    "cut to seconds": "date_trunc('seconds', logged_in_at)",
    "restamped": "judged.taken_at - interval 1 hour",
    "repeated": "logged_in_at",
    "a week old": "logged_in_at",
}
JUDGED = """
    create table judged as
        select
            kind, kind || ' ' || content as platform, row_number() over () as copy_number, totals.*
        from totals, unnest({kinds}) as kinds (kind)
        where kind = 'sound' or (night % 50 = 25 and night_before is not null);
    create table copies as
        select
            judged.platform, before.content as copy_id, before.taken_at,
            before.content as content_sha256, before.users_ever_logged_in + 20 as users,
            before.users_ever_logged_in, before.latest_login_at, before.active_7d
        from judged inner join totals as before on judged.number = before.number
            and before.night < judged.night and before.night >= judged.night - 14
        qualify row_number() over (partition by judged.platform order by before.night desc) <= 2;
    create table active_users as select platform, copy_id, active_7d from copies;
    create table logins as
        select distinct judged.platform, seen.logged_in_at, 1 as ordinal
        from judged inner join seen
            on judged.number = seen.number and seen.first_night < judged.night
        left join shown on judged.number = shown.number and judged.night = shown.night
            and seen.logged_in_at = shown.logged_in_at
        where seen.logged_in_at > judged.taken_at - interval 45 day or shown.night is not null;
    create table platforms (platform varchar, platform_name varchar, login_format varchar);
    create table obtained.copies_obtained as
        select
            platform, copy_number::int as copy_number,
            if(kind = 'repeated', content_before, platform) as content_sha256,
            taken_at as modified_at, null::varchar as filename,
            null::timestamp as taken_at_override, taken_at + interval 1 hour as obtained_at,
            'sqlite' as kind
        from judged;
    create table obtained.last_logins (
        platform varchar, copy_number int, value varchar, storage_class varchar
    );
    insert into obtained.last_logins
        select platform, copy_number, null, 'null' from judged, range(20) where kind != 'no users';
    insert into obtained.last_logins
        select platform, copy_number,
            taken_at - to_microseconds((random() * 6.3e13)::bigint), 'text'
        from judged, range(500) where kind = 'other environment';
    insert into obtained.last_logins
        select platform, copy_number, taken_at - interval (9 + tester) hour, 'text'
        from judged, range(3) as testers (tester) where kind = 'a week old'
"""
VALUES = """
    insert into obtained.last_logins
        select platform, copy_number, ({value})::varchar as text,
            if(text is null, 'null', if(kind = 'epochs', 'integer', 'text'))
        from judged inner join shown
            on judged.number = shown.number
            and judged.night = shown.night + if(kind = 'a week old', 7, 0)
        where kind = '{kind}' and (kind != 'half the users' or person % 2 = 0)
"""
RESULTS = """
    select
        kind, count(distinct judged.platform), count(distinct doubts.platform),
        count(distinct doubts.platform) filter (is_grave),
        coalesce(string_agg(distinct doubt, ', ' order by doubt), '')
    from judged left join obtained.int_copy_doubts as doubts using (platform)
    group by kind order by kind != 'sound', kind
"""


def simulate(datastore: Path, copies: Path) -> None:
    """Write what was known before each night, and what each night's copy shows."""
    with closing(duckdb.connect(datastore)) as connection:
        connection.execute(f"attach '{copies}' as obtained")
        connection.execute(SIMULATION)
        connection.execute(JUDGED.format(kinds=list(KINDS)))
        for kind, value in KINDS.items():
            if value:
                connection.execute(VALUES.format(kind=kind, value=value))


def judge(folder: Path, datastore: Path, copies: Path) -> None:
    """Have dbt build the model that doubts copies."""
    select = [
        "--select",
        "stg_known_logins",
        "int_copy_doubts",
        *(f"--{place}-path={folder}" for place in ("target", "log")),
    ]
    places = {"ETHELRED_DBT_DATABASE": str(datastore), "ETHELRED_DBT_COPIES": str(copies)}
    dbt = Path(sys.executable).with_name("dbt")
    subprocess.run([dbt, "--quiet", "run", *select], cwd=ROOT, env=os.environ | places, check=True)


def main() -> None:
    """Print how many of each kind of copy were doubted, how many gravely, and why."""
    with tempfile.TemporaryDirectory() as name:
        datastore, copies = Path(name, "ethelred.duckdb"), Path(name, "copies.duckdb")
        simulate(datastore, copies)
        judge(Path(name), datastore, copies)
        with closing(duckdb.connect(datastore)) as connection:
            connection.execute(f"attach '{copies}' as obtained (read_only)")
            found = connection.sql(RESULTS).fetchall()
    print("| kind of copy | copies | doubted | gravely | doubts |\n|---|---:|---:|---:|---|")
    for row in found:
        print("|", " | ".join(map(str, row)), "|")


if __name__ == "__main__":
    main()
