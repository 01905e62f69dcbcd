with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
)

select
    platform,
    day,
    logins,
    coverage,
    round(rolling_mean_7d, 2) as rolling_mean_7d,
    round(rolling_mean_28d, 2) as rolling_mean_28d,
    round(expected_low, 2) as expected_low,
    round(expected_high, 2) as expected_high
from logins_timeseries
order by platform, day
