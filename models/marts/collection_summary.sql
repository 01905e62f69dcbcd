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
    -- Cut to the hour, because taken_at may be the exact moment of a user's login.
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
