with days_to_judge as (
    select * from {{ ref('days_to_judge') }}
),

day_baselines as (
    select
        *,
        if(
            count(ordinary_logins) over same_weekdays >= {{ var('min_weeks_in_usual_range') }},
            median(ordinary_logins) over same_weekdays, null
        ) as usual,
        -- A usual number below one would make the range too narrow.
        sqrt(greatest(usual, 1)) as usual_root
    from days_to_judge
    window same_weekdays as (
        partition by platform, dayofweek(day) order by day
        rows between {{ var('usual_range_weeks') }} preceding and 1 preceding
    )
),

-- The square root of a Poisson count has a standard deviation of about a half, whatever the count
-- is. So days with many and with few logins share one scale.
deviations as (
    select
        *,
        sqrt(1 + power({{ var('min_daily_spread') }} * usual_root, 2)) / 2 as minimum_deviation,
        abs(sqrt(ordinary_logins) - sqrt(usual)) / minimum_deviation as deviation
    from day_baselines
),

day_deviations as (
    select
        *,
        minimum_deviation * greatest(1, if(
            count(deviation) over days_before >= {{ var('min_days_in_spread') }},
            quantile_cont(deviation, {{ var('share_within_one_deviation') }}) over days_before, 1
        )) as root_standard_deviation
    from deviations
    window days_before as (
        partition by platform order by day
        rows between {{ 7 * var('usual_range_weeks') }} preceding and 1 preceding
    )
)

select
    platform,
    day,
    usual,
    2 * usual_root * root_standard_deviation as standard_deviation,
    cast(if(
        usual < {{ var('min_usual_logins_missed') }}, 0, greatest(1, ceil(power(greatest(
            0, usual_root - {{ var('usual_range_deviations') }} * root_standard_deviation
        ), 2)))
    ) as bigint) as expected_low,
    cast(floor(power(
        usual_root + {{ var('usual_range_deviations') }} * root_standard_deviation, 2
    )) as bigint) as expected_high
from day_deviations
where usual is not null
