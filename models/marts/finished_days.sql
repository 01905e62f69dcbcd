with logins_per_day as (
    select * from {{ ref('logins_per_day') }}
),

distinct_copies as (
    select * from {{ ref('distinct_copies') }}
),

first_days as (
    select
        platform,
        min(day) as first_login_on
    from logins_per_day
    group by platform
),

newest_copies as (
    select
        platform,
        max(taken_at) as newest_taken_at
    from distinct_copies
    group by platform
),

midnights as (
    select
        platform,
        newest_taken_at,
        unnest(generate_series(first_login_on, newest_taken_at, interval 1 day)) as midnight
    from first_days
    inner join newest_copies using (platform)
),

days as (
    select
        platform,
        newest_taken_at,
        cast(midnight as date) as day,
        {{ day_starts_at('midnight') }} as starts_at,
        {{ day_starts_at("midnight + interval 1 day") }} as ends_at
    from midnights
)

select
    platform,
    day,
    starts_at,
    ends_at
from days
where ends_at <= newest_taken_at
