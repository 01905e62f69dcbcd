with doubted_copies as (
    select * from {{ ref('doubted_copies') }}
),

copies as (
    select * from {{ ref('copies') }}
),

platforms as (
    select * from {{ ref('platforms') }}
),

doubts as (
    select
        doubted_copies.*,
        coalesce(platforms.platform_name, doubted_copies.platform) as platform_name,
        {{ reporting_day('doubted_copies.taken_at') }} as day
    from doubted_copies
    semi join copies using (platform, copy_id)
    left join platforms using (platform)
)

select
    platform,
    day,
    doubt,
    min(
        platform_name || ', the copy of ' || strftime(day, '%-d %B %Y') || ': ' || finding || '.'
    ) as sentence
from doubts
group by platform, day, doubt
order by platform, day, doubt
