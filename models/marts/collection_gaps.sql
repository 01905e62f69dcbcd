with copies as (
    select * from {{ ref('copies') }}
),

stretches as (
    select
        platform,
        lag(taken_at) over (partition by platform order by taken_at) as gap_started_at,
        taken_at as gap_ended_at
    from copies
)

select
    platform,
    gap_started_at,
    gap_ended_at,
    date_diff('minute', gap_started_at, gap_ended_at) / 60 as gap_hours
from stretches
where gap_ended_at - gap_started_at > interval ({{ var('max_hours_between_copies') }}) hour
order by platform, gap_started_at
