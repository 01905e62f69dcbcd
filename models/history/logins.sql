with int_accepted_logins as (
    select * from {{ ref('int_accepted_logins') }}
),

copy_logins as (
    select
        platform,
        copy_id,
        taken_at,
        logged_in_at,
        cast(
            row_number() over (partition by platform, copy_id, logged_in_at) as integer
        ) as ordinal
    from int_accepted_logins
    where login_status = 'login'
),

-- A login is counted as new in the earliest copy of this run that shows it.
distinct_logins as (
    select
        platform,
        logged_in_at,
        ordinal,
        min_by(copy_id, (taken_at, copy_id)) as copy_id
    from copy_logins
    group by platform, logged_in_at, ordinal
),

-- logins_per_day needs an appended_at that is later than those of all earlier runs, even if the
-- clock was set back.
this_run as (
    select
        greatest(
            {% if is_incremental() %}
                (select max(appended_at) + interval 1 microsecond from {{ this }}),
            {% endif %}
            timezone('UTC', now())
        ) as appended_at
)

select
    platform,
    logged_in_at,
    ordinal,
    copy_id,
    appended_at
from distinct_logins
cross join this_run
{% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as known_logins
        where
            known_logins.platform = distinct_logins.platform
            and known_logins.logged_in_at = distinct_logins.logged_in_at
            and known_logins.ordinal = distinct_logins.ordinal
    )
{% endif %}
order by platform, logged_in_at, ordinal
