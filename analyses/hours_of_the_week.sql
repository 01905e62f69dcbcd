-- When do people log in, and when would maintenance disturb the fewest? This counts the logins of
-- the 12 weeks before the newest copy, by weekday and hour of the reporting time zone. Of a user's
-- logins between two copies only the last is seen, so the hours just before a copy have a little
-- more than their share.
with logins as (
    select * from {{ ref('logins') }}
),

newest_copies as (
    select
        platform,
        max(taken_at) as newest_taken_at
    from {{ ref('copies') }}
    group by platform
),

local_logins as (
    select
        logins.platform,
        timezone('{{ var("reporting_time_zone") }}', timezone('UTC', logins.logged_in_at))
            as logged_in_local
    from logins
    inner join newest_copies using (platform)
    where logins.logged_in_at > newest_copies.newest_taken_at - interval 84 day
)

select
    platform,
    isodow(logged_in_local) as weekday_from_monday,
    hour(logged_in_local) as hour_of_day,
    count(*) as logins
from local_logins
group by platform, weekday_from_monday, hour_of_day
order by platform, weekday_from_monday, hour_of_day
