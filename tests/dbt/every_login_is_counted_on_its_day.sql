-- Of the newest 60 days; after a change of the reporting time zone this fails until
-- `dbt build --full-refresh` has counted all days again.
with recent as (
    select
        platform,
        {{ reporting_day('logged_in_at') }} as day
    from {{ ref('logins') }}
    where logged_in_at > (select max(logged_in_at) - interval 60 day from {{ ref('logins') }})
),

recounted as (
    select
        platform,
        day,
        count(*) as logins
    from recent
    where day > (select min(day) from recent)
    group by platform, day
)

select *
from recounted
left join {{ ref('logins_per_day') }} as counted using (platform, day)
where counted.logins is distinct from recounted.logins
