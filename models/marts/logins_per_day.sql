{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['platform', 'day'],
    on_schema_change='append_new_columns'
) }}

with logins as (
    select * from {{ ref('logins') }}
),

dated as (
    select
        platform,
        appended_at,
        {{ reporting_day('logged_in_at') }} as day
    from logins
),

changed_days as (
    select distinct
        platform,
        day
    from dated
    {% if is_incremental() %}
        where appended_at > (
            select coalesce(max(last_appended_at), timestamp '-infinity') from {{ this }}
        )
    {% endif %}
)

select
    platform,
    day,
    count(*) as logins,
    max(appended_at) as last_appended_at
from dated
where (platform, day) in (select (platform, day) from changed_days)
group by platform, day
order by platform, day
