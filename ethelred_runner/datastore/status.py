"""The status of a datastore, which the table, the JSON and the summary all show."""

from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import duckdb

from ethelred_runner.datastore.database import connect
from ethelred_runner.datastore.reasons import as_datastore_errors

Row = dict[str, Any]  # the values of a query's row by column

# Times are cut to the hour, because a copy's time may be taken from a user's login.
PLATFORMS = """
    with held as (
        select
            platform,
            count(*) as copies,
            date_trunc('hour', max(taken_at)) as newest_copy_taken_at,
            round(date_diff('minute', newest_copy_taken_at, now() at time zone 'UTC') / 60, 1)
                as newest_copy_age_hours,
            max_by(users, (taken_at, obtained_at)) as users,
            max_by(rejected_logins, (taken_at, obtained_at)) as rejected_logins
        from copies group by platform
    ),
    found as (
        select
            platform,
            count(*) as logins,
            date_trunc('hour', min(logged_in_at)) as first_login_at,
            date_trunc('hour', max(logged_in_at)) as newest_login_at
        from logins group by platform
    ),
    days as (
        select
            platform,
            max(day) as last_finished_day,
            count(*) filter (coverage = 'complete') as complete_days,
            count(*) filter (coverage = 'partial') as partial_days
        from logins_timeseries group by platform
    ),
    stretches as (
        select * replace (
            date_trunc('hour', gap_started_at) as gap_started_at,
            date_trunc('hour', gap_ended_at) as gap_ended_at,
            round(gap_hours, 1) as gap_hours
        )
        from collection_gaps
    ),
    gaps as (
        select platform, list(stretches order by gap_ended_at) as gaps
        from stretches group by platform
    ),
    platforms as (
        select * replace (
            coalesce(logins, 0) as logins,
            coalesce(complete_days, 0) as complete_days,
            coalesce(partial_days, 0) as partial_days,
            coalesce(gaps, []) as gaps
        )
        from held
        left join found using (platform)
        left join days using (platform)
        left join gaps using (platform)
    )
    select platforms from platforms order by platform
"""

# A datastore of an older version lacks some of these tables or columns.
TROUBLE = """
    select platform, format('its newest copy is doubtful: {}', finding)
    from doubted_copies semi join (
        select platform, max_by(copy_id, (taken_at, obtained_at)) as copy_id
        from copies group by platform
    ) using (platform, copy_id)
    anti join (from platform_headlines where is_retired) using (platform)
    union all
    select
        platform, silent_days || ' days without a login, although logins are usual on them'
    from logins_summary where is_silent
    union all
    select platform, 'fewer logins than usual from ' || rtrim(sentence, '.')
    from week_sentences
    semi join (from platform_headlines where not is_retired) using (platform)
    qualify starts_on = max(starts_on) over (partition by platform) and verdict = 'lower'
    order by all
"""
COPIES = """
    with listed as (
        select
            platform, copy_id, date_trunc('hour', taken_at) as taken_at, taken_at_source,
            users, new_logins, rejected_logins
        from copies
    )
    select listed from listed order by platform, taken_at, copy_id
"""


def read_copies(path: Path) -> list[Row]:
    """Return the copies of a datastore; times are naive UTC, to the hour."""
    with as_datastore_errors(path), closing(connect(path)) as connection:
        return [row for (row,) in connection.execute(COPIES).fetchall()]


def read_status(path: Path) -> list[Row]:
    """Return the status of each platform. Raises DatastoreError if the datastore can't be read.

    Times are naive UTC, to the hour.
    """
    with as_datastore_errors(path), closing(connect(path)) as connection:
        platforms = [row for (row,) in connection.execute(PLATFORMS).fetchall()]
        trouble = []
        with suppress(duckdb.CatalogException, duckdb.BinderException):
            trouble = connection.execute(TROUBLE).fetchall()
    for row in platforms:
        row["trouble"] = [said for platform, said in trouble if platform == row["platform"]]
    return platforms
