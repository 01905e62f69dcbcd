with copies as (
    select * from {{ ref('copies') }}
),

taken as (
    select
        platform,
        {{ reporting_day('taken_at') }} as day
    from copies
),

bounds as (
    select
        platform,
        unnest(generate_series(min(day), max(day), interval 1 day)) as day
    from taken
    group by platform
),

nights as (
    select
        platform,
        cast(day as date) as day
    from bounds
)

select
    nights.platform,
    nights.day,
    count(taken.day) as copies
from nights
left join taken using (platform, day)
group by nights.platform, nights.day
order by nights.platform, nights.day
