-- A view: the report asks it just before it builds the site, about the marts as they are then.
{{ config(materialized='view') }}

with collection as (
    select * from {{ ref('int_collection') }}
),

expected as (
    select
        platform,
        unnest([
            'active_users_per_day', 'collection_nights', 'daily_figures',
            'logins_recent', 'logins_timeseries', 'platform_headlines'
        ]) as mart
    from collection
    where newest_copy_on > (
        select {{ reporting_day('min(logins.logged_in_at)') }}
        from {{ ref('logins') }} as logins
        where logins.platform = collection.platform
    )
),

present as (
    select
        platform,
        'active_users_per_day' as mart
    from {{ ref('active_users_per_day') }}
    union all
    select
        platform,
        'collection_nights' as mart
    from {{ ref('collection_nights') }}
    union all
    select
        platform,
        'daily_figures' as mart
    from {{ ref('daily_figures') }}
    union all
    select
        platform,
        'logins_recent' as mart
    from {{ ref('logins_recent') }}
    union all
    select
        platform,
        'logins_timeseries' as mart
    from {{ ref('logins_timeseries') }}
    union all
    select
        platform,
        'platform_headlines' as mart
    from {{ ref('platform_headlines') }}
)

select expected.*
from expected
anti join present using (platform, mart)
order by platform, mart
