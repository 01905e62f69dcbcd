select
    platform,
    day,
    logins,
    coverage,
    rolling_mean_7d,
    rolling_mean_28d,
    has_extra_copy,
    expected_low,
    expected_high,
    verdict
from logins_timeseries
order by platform, day
