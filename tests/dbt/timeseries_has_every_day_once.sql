select
    platform,
    count(*) as days,
    max(day) - min(day) + 1 as days_expected
from {{ ref('logins_timeseries') }}
group by platform
having days != days_expected
