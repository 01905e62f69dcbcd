with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
)

select * from logins_timeseries
qualify day > max(day) over (partition by platform) - 91
order by platform, day
