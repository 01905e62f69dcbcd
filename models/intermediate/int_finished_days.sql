with logins_per_day as (
    select * from {{ ref('logins_per_day') }}
),

copies as (
    select * from {{ ref('copies') }}
),

first_days as (
    select
        platform,
        min(day) as first_day
    from logins_per_day
    group by platform
),

newest_copies as (
    select
        platform,
        max(taken_at) as newest_taken_at
    from copies
    group by platform
),

days as (
    select
        platform,
        newest_taken_at,
        cast(
            unnest(generate_series(first_day, {{ reporting_day('newest_taken_at') }}, interval 1 day))
            as date
        ) as day
    from first_days
    inner join newest_copies using (platform)
)

select
    platform,
    day,
    {{ day_starts_at('day') }} as starts_at,
    {{ day_starts_at('day + 1') }} as ends_at
from days
where {{ day_starts_at('day + 1') }} <= newest_taken_at
