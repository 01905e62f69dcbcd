-- How does each month compare with the same month of the year before? Only months whose days are
-- all complete: before that, fewer logins mean fewer copies.
with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

months as (
    select
        platform,
        cast(date_trunc('month', day) as date) as starts_on,
        cast(sum(logins) as bigint) as logins
    from logins_timeseries
    group by platform, starts_on
    having
        count(*) filter (where coverage = 'complete') = day(last_day(starts_on))
)

select
    platform,
    starts_on,
    logins,
    lag(logins) over months_of_year as logins_year_before,
    logins / nullif(logins_year_before, 0) - 1 as change_year
from months
window
    months_of_year as (
        partition by platform order by starts_on
        range between interval 1 year preceding and interval 1 year preceding
    )
order by platform, starts_on
