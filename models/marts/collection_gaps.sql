with copies as (
    select * from {{ ref('copies') }}
),

stretches as (
    select
        platform,
        lag(taken_at) over (partition by platform order by taken_at) as from_at,
        taken_at as to_at
    from copies
)

select
    platform,
    from_at,
    to_at,
    date_diff('minute', from_at, to_at) / 60 as hours
from stretches
where to_at - from_at > interval ({{ var('max_hours_between_copies') }}) hour
order by platform, from_at
