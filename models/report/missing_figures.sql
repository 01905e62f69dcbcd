-- A view: the report asks it just before it builds the site, about the marts as they are then.
-- Without the catalogue, which is the file's name: a datastore may be called anything.
{{ config(materialized='view') }}

with collection as (
    select
        platform,
        {{ reporting_day('max(taken_at)') }} as newest_copy_on
    from {{ ref('copies').include(database=false) }}
    group by platform
),

logins as (
    select * from {{ ref('logins').include(database=false) }}
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
anti join {{ ref('active_users_per_day').include(database=false) }} using (platform)

union all
select
    platform,
    'collection_nights' as mart
from expected
anti join {{ ref('collection_nights').include(database=false) }} using (platform)

union all
select
    platform,
    'daily_figures' as mart
from expected
anti join {{ ref('daily_figures').include(database=false) }} using (platform)

union all
select
    platform,
    'logins_recent' as mart
from expected
anti join {{ ref('logins_recent').include(database=false) }} using (platform)

union all
select
    platform,
    'logins_timeseries' as mart
from expected
anti join {{ ref('logins_timeseries').include(database=false) }} using (platform)

union all
select
    platform,
    'platform_headlines' as mart
from expected
anti join {{ ref('platform_headlines').include(database=false) }} using (platform)
order by platform, mart
