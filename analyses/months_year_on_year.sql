-- How does each month compare with the same month of the year before? This compares the mean logins
-- of complete days, because other days miss logins. A month with few complete days says little.
with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

months as (
    select
        platform,
        cast(date_trunc('month', day) as date) as starts_on,
        count(*) as complete_days,
        avg(logins) as mean_logins
    from logins_timeseries
    where coverage = 'complete'
    group by platform, starts_on
)

select
    months.platform,
    months.starts_on,
    round(months.mean_logins / months_before.mean_logins - 1, 3) as change_year,
    months.complete_days,
    months.mean_logins,
    months_before.complete_days as complete_days_year_before,
    months_before.mean_logins as mean_logins_year_before
from months
left join months as months_before
    on
        months.platform = months_before.platform
        and months.starts_on = months_before.starts_on + interval 1 year
order by months.platform, months.starts_on
