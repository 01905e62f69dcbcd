-- A view shows the marts as they are just before the report builds the site. It names no catalogue,
-- because a datastore's file may have any name. A view in a lake has no comments on its columns.
{{ config(materialized='view', persist_docs={'relation': true, 'columns': false}) }}

with collection_summary as (
    select * from {{ ref('collection_summary').include(database=false) }}
),

logins as (
    select * from {{ ref('logins').include(database=false) }}
),

active_users_per_day as (
    select * from {{ ref('active_users_per_day').include(database=false) }}
),

collection_days as (
    select * from {{ ref('collection_days').include(database=false) }}
),

logins_timeseries as (
    select * from {{ ref('logins_timeseries').include(database=false) }}
),

platform_headlines as (
    select * from {{ ref('platform_headlines').include(database=false) }}
),

expected_platforms as (
    select platform
    from collection_summary
    where newest_copy_on > (
        select {{ reporting_day('min(logged_in_at)') }}
        from logins
        where logins.platform = collection_summary.platform
    )
),

mart_checks as (
    select
        platform,
        unnest([
            if(
                platform in (select platform from active_users_per_day),
                null, 'active_users_per_day'
            ),
            if(platform in (select platform from collection_days), null, 'collection_days'),
            if(platform in (select platform from logins_timeseries), null, 'logins_timeseries'),
            if(platform in (select platform from platform_headlines), null, 'platform_headlines')
        ]) as model
    from expected_platforms
)

select
    platform,
    model
from mart_checks
where model is not null
order by platform, model
