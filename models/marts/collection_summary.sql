with copies as (
    select * from {{ ref('copies') }}
),

distinct_copies as (
    select * from {{ ref('distinct_copies') }}
),

stg_platforms as (
    select * from {{ ref('stg_platforms') }}
)

select
    platform,
    cast(count(*) as integer) as copies,
    {{ reporting_day('min(copies.taken_at)') }} as first_copy_on,
    -- A repeated copy shows nothing of the time when it was taken.
    {{ reporting_day('max(distinct_copies.taken_at)') }} as newest_copy_on,
    -- Cut to the hour, because taken_at may be the exact moment of a user's login.
    date_trunc('hour', max(distinct_copies.taken_at)) as newest_copy_at,
    if(
        platform in (
            select stg_platforms.platform
            from stg_platforms
            where stg_platforms.is_retired
        ),
        null, newest_copy_at + interval ({{ var('max_hours_between_copies') }}) hour
    ) as stale_at,
    '{{ var('reporting_time_zone') }}' as reporting_time_zone,
    cast(max_by(copies.rejected_logins, copies.taken_at) as integer) as rejected_logins
from copies
left join distinct_copies using (platform, copy_id)
group by platform
