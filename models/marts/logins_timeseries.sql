with day_coverage as (
    select * from {{ ref('int_day_coverage') }}
),

logins_per_day as (
    select * from {{ ref('logins_per_day') }}
),

days as (
    select
        day_coverage.platform,
        day_coverage.day,
        day_coverage.coverage,
        coalesce(logins_per_day.logins, 0) as logins
    from day_coverage
    left join logins_per_day using (platform, day)
),

compared as (
    select
        *,
        if(coverage = 'complete', logins, null) as collected,
        avg(collected) over last_7_days as mean_7d,
        count(collected) over last_7_days as days_in_mean_7d,
        avg(collected) over last_28_days as mean_28d,
        count(collected) over last_28_days as days_in_mean_28d,
        median(collected) over same_weekdays as usual,
        -- The spread is never taken for less than that of counting itself (Poisson).
        3 * greatest(1.4826 * mad(collected) over same_weekdays, sqrt(usual)) as allowance,
        count(collected) over same_weekdays as weeks_compared
    from days
    window
        last_7_days as (partition by platform order by day rows 6 preceding),
        last_28_days as (partition by platform order by day rows 27 preceding),
        same_weekdays as (
            partition by platform, dayofweek(day) order by day
            rows between 8 preceding and 1 preceding
        )
)

select
    platform,
    day,
    logins,
    if(days_in_mean_7d >= 7, mean_7d, null) as rolling_mean_7d,
    if(days_in_mean_28d >= 7, mean_28d, null) as rolling_mean_28d,
    coverage,
    if(weeks_compared >= 4, greatest(0.0, usual - allowance), null) as expected_low,
    if(weeks_compared >= 4, usual + allowance, null) as expected_high
from compared
order by platform, day
