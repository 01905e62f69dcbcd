with platforms as (
    select * from {{ ref('platforms') }}
),

copies as (
    select * from {{ ref('copies') }}
),

logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

collection as (
    select
        platform,
        cast(count(*) as integer) as copies,
        {{ reporting_day('min(taken_at)') }} as first_copy_on,
        {{ reporting_day('max(taken_at)') }} as newest_copy_on,
        -- Where the newest login stands in for it, the exact moment is a user's.
        date_trunc('hour', max(taken_at)) as newest_copy_at,
        cast(max_by(rejected_logins, taken_at) as integer) as rejected_logins
    from copies
    group by platform
),

days as (
    select
        platform,
        min(day) as first_day,
        max(day) as last_finished_day,
        max_by(logins, day) as logins_on_last_finished_day,
        cast(sum(logins) as bigint) as logins,
        count(*) filter (where coverage = 'complete') as complete_days,
        count(*) filter (where coverage = 'partial') as partial_days,
        count(*) filter (where coverage = 'before_collection') as days_before_collection
    from logins_timeseries
    group by platform
),

periods as (
    select
        platform,
        cast(sum(timeseries.logins) filter (where day > last_finished_day - 7) as bigint)
            as logins_last_7d,
        cast(sum(timeseries.logins) filter (where day > last_finished_day - 28) as bigint)
            as logins_last_28d
    from logins_timeseries as timeseries
    inner join days using (platform)
    group by platform
)

select
    platforms.platform,
    platforms.platform_name,
    collection.copies,
    collection.first_copy_on,
    collection.newest_copy_on,
    collection.newest_copy_at,
    collection.rejected_logins,
    days.first_day,
    days.last_finished_day,
    days.logins_on_last_finished_day,
    days.logins,
    days.complete_days,
    days.partial_days,
    days.days_before_collection,
    periods.logins_last_7d,
    periods.logins_last_28d
from platforms
inner join collection using (platform)
left join days using (platform)
left join periods using (platform)
order by platforms.platform
