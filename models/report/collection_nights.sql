with copies as (
    select * from {{ ref('copies') }}
),

copy_days as (
    select
        platform,
        {{ reporting_day('taken_at') }} as day
    from copies
),

nights as (
    select
        platform,
        cast(unnest(generate_series(min(day), max(day), interval 1 day)) as date) as day
    from copy_days
    group by platform
)

select
    nights.platform,
    nights.day,
    count(copy_days.day) as copies
from nights
left join copy_days using (platform, day)
group by nights.platform, nights.day
order by nights.platform, nights.day
