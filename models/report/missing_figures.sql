-- A view: the report asks it just before it builds the site, about the marts as they are then.
{{ config(materialized='view') }}

with collection as (
    select * from {{ ref('int_collection') }}
),

logins as (
    select * from {{ ref('logins') }}
),

expected as (
    select platform
    from collection
    inner join logins using (platform)
    group by platform, newest_copy_on
    having newest_copy_on > {{ reporting_day('min(logged_in_at)') }}
)

select
    platform,
    'active_users_per_day' as mart
from expected
anti join {{ ref('active_users_per_day') }} using (platform)

union all
select
    platform,
    'collection_nights' as mart
from expected
anti join {{ ref('collection_nights') }} using (platform)

union all
select
    platform,
    'daily_figures' as mart
from expected
anti join {{ ref('daily_figures') }} using (platform)

union all
select
    platform,
    'logins_recent' as mart
from expected
anti join {{ ref('logins_recent') }} using (platform)

union all
select
    platform,
    'logins_timeseries' as mart
from expected
anti join {{ ref('logins_timeseries') }} using (platform)

union all
select
    platform,
    'platform_headlines' as mart
from expected
anti join {{ ref('platform_headlines') }} using (platform)
order by platform, mart
