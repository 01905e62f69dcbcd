with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

years as (
    select
        platform,
        year(max(day)) as this_year,
        unnest(range(1, 13)) as month
    from logins_timeseries
    group by platform
),

months as (
    select
        platform,
        year(day) as year,
        month(day) as month,
        cast(sum(logins) as bigint) as logins,
        day(last_day(any_value(day))) as days,
        count(*) filter (where coverage = 'complete') as complete_days,
        if(
            complete_days < days,
            format('{}: {} of {} days complete', year(day), complete_days, days), null
        ) as missing
    from logins_timeseries
    where coverage != 'before_collection'
    group by platform, year(day), month(day)
)

select
    years.platform,
    years.month,
    years.this_year,
    this_year.logins,
    last_year.logins as logins_year_before,
    if(
        this_year.complete_days = this_year.days and last_year.complete_days = last_year.days,
        this_year.logins / nullif(last_year.logins, 0) - 1, null
    ) as change,
    concat_ws('; ', last_year.missing, this_year.missing) as missing
from years
left join months as this_year
    on
        years.platform = this_year.platform
        and years.month = this_year.month
        and years.this_year = this_year.year
left join months as last_year
    on
        years.platform = last_year.platform
        and years.month = last_year.month
        and years.this_year - 1 = last_year.year
order by years.platform, years.month
