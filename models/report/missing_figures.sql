-- A view: the report asks it just before it builds the site, about the marts as they are then. It
-- names no catalogue, so that it can be asked in a file of any name.
{{ config(materialized='view') }}

with collection_summary as (
    select * from {{ ref('collection_summary').include(database=false) }}
),

logins as (
    select * from {{ ref('logins').include(database=false) }}
),

first_days as (
    select
        platform,
        {{ reporting_day('min(logged_in_at)') }} as first_day
    from logins
    group by platform
),

filled as (
    select distinct
        'active_users_per_day' as mart,
        platform
    from {{ ref('active_users_per_day').include(database=false) }}
    union all
    select distinct
        'collection_nights' as mart,
        platform
    from {{ ref('collection_nights').include(database=false) }}
    union all
    select distinct
        'logins_timeseries' as mart,
        platform
    from {{ ref('logins_timeseries').include(database=false) }}
    union all
    select distinct
        'platform_headlines' as mart,
        platform
    from {{ ref('platform_headlines').include(database=false) }}
),

marts as (
    select unnest([
        'active_users_per_day', 'collection_nights', 'logins_timeseries', 'platform_headlines'
    ]) as mart
),

expected as (
    select
        first_days.platform,
        marts.mart
    from first_days
    inner join collection_summary using (platform)
    cross join marts
    where first_days.first_day < collection_summary.newest_copy_on
)

select
    platform,
    mart
from expected
anti join filled using (platform, mart)
order by platform, mart
