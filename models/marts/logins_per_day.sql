{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['platform', 'day'],
    on_schema_change='append_new_columns',
    pre_hook='{{ delete_days_of_another_time_zone() }}'
) }}

-- Not materialised, so that DuckDB filters the table instead of copying it into memory.
with logins as not materialized (
    select * from {{ ref('logins') }}
),

changed_days as (
    select distinct
        platform,
        {{ reporting_day('logged_in_at') }} as day
    from logins
    {% if is_incremental() %}
        where appended_at > (
            select coalesce(max(last_appended_at), timestamp '-infinity') from {{ this }}
        )
    {% endif %}
),

-- Converting time zones is slow, so only logins near a changed day are converted.
nearby_dates as (
    select distinct unnest([day - 1, day, day + 1]) as date_utc
    from changed_days
),

nearby_logins as (
    select
        platform,
        appended_at,
        {{ reporting_day('logged_in_at') }} as day
    from logins
    where
        cast(logged_in_at as date) in (select date_utc from nearby_dates)
        and logged_in_at >= (select min(date_utc) from nearby_dates)
        and logged_in_at < (select max(date_utc) + 1 from nearby_dates)
)

select
    platform,
    day,
    count(*) as logins,
    max(appended_at) as last_appended_at,
    '{{ var('reporting_time_zone') }}' as reporting_time_zone
from nearby_logins
where (platform, day) in (select (platform, day) from changed_days)
group by platform, day
order by platform, day
