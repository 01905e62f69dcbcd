with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
)

select * from logins_timeseries
qualify day > max(day) over (partition by platform) - 400
order by platform, day
