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
        max(day) over (partition by platform) as last_finished_day
    from logins_timeseries
),

periods as (
    select
        platform,
        period_type,
        cast(date_trunc(period_type, day) as date) as starts_on,
        if(period_type = 'week', starts_on + 6, last_day(starts_on)) as ends_on,
        max(last_finished_day) as last_finished_day,
        cast(sum(logins) as bigint) as logins,
        count(*) as days_shown,
        count(*) filter (where coverage = 'complete') as complete_days,
        count(*) filter (where coverage = 'before_collection') as days_before_collection
    from period_days
    group by platform, period_type, starts_on
)

select
    periods.platform,
    periods.period_type,
    periods.starts_on,
    periods.ends_on,
    periods.logins,
    periods.complete_days,
    case
        when periods.days_before_collection = periods.days_shown then 'before_collection'
        when periods.complete_days = periods.ends_on - periods.starts_on + 1 then 'complete'
        else 'partial'
    end as coverage,
    week_verdicts.expected_low,
    week_verdicts.expected_high,
    coalesce(week_verdicts.verdict, 'not_known') as verdict,
    if(
        year_before.complete_days = year_before.ends_on - year_before.starts_on + 1,
        year_before.logins, null
    ) as logins_year_before
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
        and year_before.starts_on = if(
            periods.period_type = 'week', periods.starts_on - 364,
            cast(periods.starts_on - interval 1 year as date)
        )
where periods.ends_on <= periods.last_finished_day
order by periods.platform, periods.period_type, periods.starts_on
