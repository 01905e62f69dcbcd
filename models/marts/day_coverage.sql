with finished_days as (
    select * from {{ ref('finished_days') }}
),

copies as (
    select * from {{ ref('copies') }}
),

collection_gaps as (
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
            select 1 from collection_gaps
            where
                collection_gaps.platform = finished_days.platform
                and collection_gaps.gap_started_at < finished_days.ends_at
                and collection_gaps.gap_ended_at > finished_days.starts_at
        ) then 'partial'
        else 'complete'
    end as coverage
from finished_days
inner join first_copies using (platform)
