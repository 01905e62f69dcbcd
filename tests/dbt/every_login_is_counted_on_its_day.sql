-- Of the newest days (recounted_days); after a change of the reporting time zone this fails until
-- `dbt build --full-refresh` has counted all days again.
with newest as (
    select max(day) as newest_day from {{ ref('logins_per_day') }}
),

recent as (
    select
        platform,
        {{ reporting_day('logged_in_at') }} as day
    from {{ ref('logins') }}
    cross join newest
    where logged_in_at >= {{ day_starts_at('newest_day - ' ~ var('recounted_days')) }}
),

recounted as (
    select
        platform,
        day,
        count(*) as logins
    from recent
    group by platform, day
)

select
    platform,
    day
from recounted
left join {{ ref('logins_per_day') }} as counted using (platform, day)
where counted.logins is distinct from recounted.logins
