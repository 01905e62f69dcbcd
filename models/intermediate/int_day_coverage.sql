with finished_days as (
    select * from {{ ref('int_finished_days') }}
),

copies as (
    select * from {{ ref('copies') }}
),

stretches as (
    select
        platform,
        lag(taken_at) over (partition by platform order by taken_at) as from_at,
        taken_at as to_at
    from copies
),

long_stretches as (
    select * from stretches
    where to_at - from_at > interval 36 hour
),

first_copies as (
    select
        platform,
        min(taken_at) as first_taken_at
    from copies
    group by platform
)

select
    finished_days.platform,
    finished_days.day,
    case
        when finished_days.ends_at <= first_copies.first_taken_at then 'before_collection'
        when finished_days.starts_at < first_copies.first_taken_at then 'partial'
        when exists (
            select 1 from long_stretches
            where
                long_stretches.platform = finished_days.platform
                and long_stretches.from_at < finished_days.ends_at
                and long_stretches.to_at > finished_days.starts_at
        ) then 'partial'
        else 'complete'
    end as coverage
from finished_days
inner join first_copies using (platform)
