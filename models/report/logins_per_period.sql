with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

week_verdicts as (
    select * from {{ ref('week_verdicts') }}
),

-- Every day is here twice, in its week and in its month.
period_days as (
    select
        *,
        unnest(['week', 'month']) as period_type,
        cast(date_trunc(period_type, day) as date) as starts_on,
        if(period_type = 'week', starts_on + 6, last_day(starts_on)) as ends_on,
        max(day) over (partition by platform) as last_finished_day
    from logins_timeseries
),

periods as (
    select
        platform,
        period_type,
        starts_on,
        ends_on,
        cast(sum(logins) as bigint) as logins,
        count(*) filter (where coverage = 'complete') as complete_days,
        case
            when bool_and(coverage = 'before_collection') then 'before_collection'
            when complete_days = ends_on - starts_on + 1 then 'complete'
            else 'partial'
        end as coverage,
        bool_or(has_extra_copy) as has_extra_copy,
        cast(
            starts_on - if(period_type = 'week', interval 364 days, interval 1 year) as date
        ) as year_before_starts_on
    from period_days
    where ends_on <= last_finished_day
    group by platform, period_type, starts_on, ends_on
)

select
    periods.* exclude (year_before_starts_on),
    week_verdicts.expected_low,
    week_verdicts.expected_high,
    coalesce(week_verdicts.verdict, 'not_known') as verdict,
    if(year_before.coverage = 'complete', year_before.logins, null) as logins_year_before
from periods
left join week_verdicts
    on
        periods.platform = week_verdicts.platform
        and periods.starts_on = week_verdicts.starts_on
        and periods.period_type = 'week'
left join periods as year_before
    on
        periods.platform = year_before.platform
        and periods.period_type = year_before.period_type
        and periods.year_before_starts_on = year_before.starts_on
order by periods.platform, periods.period_type, periods.starts_on
