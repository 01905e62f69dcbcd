with logins as (
    select * from {{ ref('logins') }}
),

logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

days as (
    select
        platform,
        day,
        isodow(day) as weekday
    from logins_timeseries
    where coverage = 'complete'
    qualify
        day > max(day) over (partition by platform) - 364
        -- Over less than four weeks a cell would tell of single logins.
        and count(*) over (partition by platform) >= 28
),

hours as (
    select unnest(range(24)) as hour
),

timed as (
    select
        platform,
        {{ reporting_day('logged_in_at') }} as day,
        extract(
            hour from timezone('{{ var("reporting_time_zone") }}', timezone('UTC', logged_in_at))
        ) as hour
    from logins
    where logged_in_at > (select min(day) - 1 from days)
),

cells as (
    select
        days.platform,
        days.weekday,
        hours.hour,
        count(distinct days.day) as days,
        count(timed.day) as logins
    from days
    cross join hours
    left join timed using (platform, day, hour)
    group by days.platform, days.weekday, hours.hour
)

select
    platform,
    cast(weekday as integer) as weekday,
    cast(hour as integer) as hour,
    logins,
    logins / days as mean_logins
from cells
order by platform, weekday, hour
