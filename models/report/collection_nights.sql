with copies as (
    select * from {{ ref('copies') }}
),

collection_gaps as (
    select * from {{ ref('collection_gaps') }}
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
    count(copy_days.day) as copies,
    exists (
        select 1 from collection_gaps
        where
            collection_gaps.platform = nights.platform
            and nights.day between collection_gaps.first_missed_on and collection_gaps.last_missed_on
    ) as is_missed
from nights
left join copy_days using (platform, day)
group by nights.platform, nights.day
order by nights.platform, nights.day
