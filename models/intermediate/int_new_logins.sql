with int_classified_logins as (
    select * from {{ ref('int_classified_logins') }}
),

stg_known_logins as (
    select * from {{ ref('stg_known_logins') }}
),

copy_logins as (
    select
        platform,
        copy_id,
        taken_at,
        logged_in_at,
        row_number() over (partition by platform, copy_id, logged_in_at) as ordinal
    from int_classified_logins
    where login_status = 'login'
),

earliest_copies as (
    select
        platform,
        logged_in_at,
        ordinal,
        min_by(copy_id, (taken_at, copy_id)) as copy_id
    from copy_logins
    group by platform, logged_in_at, ordinal
)

select
    platform,
    copy_id,
    logged_in_at,
    ordinal
from earliest_copies
anti join stg_known_logins using (platform, logged_in_at, ordinal)
