with copies as (
    select * from {{ ref('copies') }}
),

stg_platforms as (
    select * from {{ ref('stg_platforms') }}
)

select
    platform,
    cast(count(*) as integer) as copies,
    {{ reporting_day('min(taken_at)') }} as first_copy_on,
    {{ reporting_day('max(taken_at)') }} as newest_copy_on,
    -- Where the newest login stands in for it, the exact moment is a user's.
    date_trunc('hour', max(taken_at)) as newest_copy_at,
    if(
        platform in (
            select stg_platforms.platform
            from stg_platforms
            where stg_platforms.is_retired
        ),
        null, newest_copy_at + interval ({{ var('max_hours_between_copies') }}) hour
    ) as stale_at,
    '{{ var('reporting_time_zone') }}' as reporting_time_zone,
    cast(max_by(rejected_logins, taken_at) as integer) as rejected_logins
from copies
group by platform
