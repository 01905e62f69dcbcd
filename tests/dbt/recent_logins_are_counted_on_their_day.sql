with newest_days as (
    select max(day) as newest_day from {{ ref('logins_per_day') }}
),

recent_logins as (
    select
        platform,
        {{ reporting_day('logged_in_at') }} as day
    from {{ ref('logins') }}
    cross join newest_days
    where logged_in_at >= {{ day_starts_at('newest_day - ' ~ var('recount_test_days')) }}
),

recounts as (
    select
        platform,
        day,
        count(*) as logins
    from recent_logins
    group by platform, day
)

select
    platform,
    day
from recounts
left join {{ ref('logins_per_day') }} as logins_per_day using (platform, day)
where logins_per_day.logins is distinct from recounts.logins
