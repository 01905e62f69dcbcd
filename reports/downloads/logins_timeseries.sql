select
    platform,
    day,
    logins,
    coverage,
    rolling_mean_7d,
    rolling_mean_28d,
    expected_low,
    expected_high,
    has_extra_copy,
    verdict
from logins_timeseries
order by platform, day
