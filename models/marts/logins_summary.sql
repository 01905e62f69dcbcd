with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

stg_platforms as (
    select * from {{ ref('stg_platforms') }}
),

days as (
    select
        *,
        max(day) over (partition by platform) - day as days_ago,
        max(if(logins > 0, day, null)) over (partition by platform) as last_login_on
    from logins_timeseries
)

select
    platform,
    min(day) as first_login_on,
    max(day) as last_finished_day,
    cast(sum(logins) as bigint) as logins_all_time,
    count(*) filter (where coverage = 'complete') as complete_days,
    count(*) filter (where coverage = 'partial') as partial_days,
    count(*) filter (where coverage = 'before_collection') as days_before_collection,
    max(logins) filter (where days_ago = 0) as logins_on_last_finished_day,
    max(coverage) filter (where days_ago = 0) as coverage_on_last_finished_day,
    max(rolling_mean_28d) filter (where days_ago = 0) as rolling_mean_28d,
    max(expected_low) filter (where days_ago = 0) as expected_low,
    max(expected_high) filter (where days_ago = 0) as expected_high,
    max(verdict) filter (where days_ago = 0) as verdict,
    count(*) filter (where verdict not in ('not_known', 'few_usual')) as judged_days,
    count(*) filter (where day > last_login_on and verdict = 'lower') as silent_days,
    silent_days >= {{ var('silent_days_in_trouble') }}
    and platform not in (
        select stg_platforms.platform
        from stg_platforms
        where stg_platforms.is_retired
    ) as is_silent,
    cast(sum(logins) filter (where days_ago < 7) as bigint) as logins_last_7d,
    cast(sum(logins) filter (where days_ago between 7 and 13) as bigint) as logins_previous_7d,
    cast(sum(logins) filter (where days_ago < 28) as bigint) as logins_last_28d,
    cast(sum(logins) filter (where days_ago between 28 and 55) as bigint) as logins_previous_28d,
    count(*) filter (where days_ago < 7 and coverage = 'complete') as complete_days_last_7d,
    count(*) filter (where days_ago between 7 and 13 and coverage = 'complete')
        as complete_days_previous_7d,
    count(*) filter (where days_ago < 28 and coverage = 'complete') as complete_days_last_28d,
    count(*) filter (where days_ago between 28 and 55 and coverage = 'complete')
        as complete_days_previous_28d,
    case
        when complete_days_last_7d = 7 and complete_days_previous_7d = 7
            then logins_last_7d / nullif(logins_previous_7d, 0) - 1
    end as change_7d,
    case
        when complete_days_last_28d = 28 and complete_days_previous_28d = 28
            then logins_last_28d / nullif(logins_previous_28d, 0) - 1
    end as change_28d
from days
group by platform
order by platform
