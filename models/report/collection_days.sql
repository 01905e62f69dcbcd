with distinct_copies as (
    select * from {{ ref('distinct_copies') }}
),

collection_gaps as (
    select * from {{ ref('collection_gaps') }}
),

copy_days as (
    select
        platform,
        {{ reporting_day('taken_at') }} as day
    from distinct_copies
),

nights as (
    select
        platform,
        cast(unnest(generate_series(min(day), max(day), interval 1 day)) as date) as day
    from copy_days
    group by platform
),

missed_nights as (
    select
        platform,
        cast(unnest(range(first_missed_on, last_missed_on + 1, interval 1 day)) as date) as day
    from collection_gaps
)

select
    nights.platform,
    nights.day,
    count(copy_days.day) as copies,
    (nights.platform, nights.day) in (select (platform, day) from missed_nights) as is_missed
from nights
left join copy_days using (platform, day)
group by nights.platform, nights.day
order by nights.platform, nights.day
