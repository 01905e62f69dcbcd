with distinct_copies as (
    select * from {{ ref('distinct_copies') }}
),

stretches as (
    select
        platform,
        lag(taken_at) over (partition by platform order by taken_at) as gap_started_at,
        taken_at as gap_ended_at
    from distinct_copies
)

select
    platform,
    gap_started_at,
    gap_ended_at,
    date_diff('minute', gap_started_at, gap_ended_at) / 60 as gap_hours,
    {{ reporting_day('gap_started_at') }} + 1 as first_missed_on,
    cast(greatest(1, least(
        ceil((gap_hours - {{ var('max_hours_between_copies') }}) / 24),
        {{ reporting_day(
            'gap_ended_at + interval (24 - ' ~ var('min_hours_between_nights') ~ ') hour'
        ) }} - first_missed_on
    )) as integer) as nights_missed,
    first_missed_on + nights_missed - 1 as last_missed_on
from stretches
where gap_ended_at - gap_started_at > interval ({{ var('max_hours_between_copies') }}) hour
order by platform, gap_started_at
