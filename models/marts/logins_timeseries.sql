with day_coverage as (
    select * from {{ ref('day_coverage') }}
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
        if(count(collected) over last_7_days = 7, avg(collected) over last_7_days, null)
            as rolling_mean_7d,
        if(
            count(collected) over last_28_days >= {{ var('min_days_in_28d_mean') }},
            avg(collected) over last_28_days, null
        ) as rolling_mean_28d,
        if(
            count(collected) over same_weekdays >= {{ var('min_weeks_in_band') }},
            median(collected) over same_weekdays, null
        ) as usual,
        -- The spread is never taken for less than that of counting itself (Poisson).
        {{ var('band_standard_deviations') }} * greatest(
            {{ var('standard_deviations_per_mad') }} * mad(collected) over same_weekdays,
            sqrt(usual)
        ) as allowance
    from days
    window
        last_7_days as (partition by platform order by day rows 6 preceding),
        last_28_days as (partition by platform order by day rows 27 preceding),
        same_weekdays as (
            partition by platform, dayofweek(day) order by day
            rows between {{ var('band_weeks') }} preceding and 1 preceding
        )
)

select
    * exclude (collected, usual, allowance),
    if(usual is not null, greatest(0.0, usual - allowance), null) as expected_low,
    usual + allowance as expected_high,
    case
        when coverage != 'complete' or usual is null then 'not_known'
        when logins < expected_low then 'lower'
        when logins > expected_high then 'higher'
        else 'usual'
    end as verdict
from compared
order by platform, day
