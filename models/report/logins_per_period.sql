with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

usual_weeks as (
    select * from {{ ref('usual_weeks') }}
),

-- Every day twice: as one of a week and as one of a month.
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
        when days_before_collection = days_shown then 'before_collection'
        when complete_days = ends_on - periods.starts_on + 1 then 'complete'
        else 'partial'
    end as coverage,
    usual_weeks.expected_low,
    usual_weeks.expected_high,
    coalesce(usual_weeks.verdict, 'not_known') as verdict
from periods
left join usual_weeks
    on
        periods.platform = usual_weeks.platform
        and periods.starts_on = usual_weeks.starts_on
        and periods.period_type = 'week'
where periods.ends_on <= periods.last_finished_day
order by periods.platform, periods.period_type, periods.starts_on
