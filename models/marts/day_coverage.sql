with finished_days as (
    select * from {{ ref('finished_days') }}
),

copies as (
    select * from {{ ref('copies') }}
),

gaps as (
    select * from {{ ref('collection_gaps') }}
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
            select 1 from gaps
            where
                gaps.platform = finished_days.platform
                and gaps.from_at < finished_days.ends_at
                and gaps.to_at > finished_days.starts_at
        ) then 'partial'
        else 'complete'
    end as coverage
from finished_days
inner join first_copies using (platform)
