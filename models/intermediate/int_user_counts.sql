with int_classified_logins as (
    select * from {{ ref('int_classified_logins') }}
),

users as (
    select
        *,
        if(login_status = 'login', taken_at - logged_in_at, null) as since_login
    from int_classified_logins
)

select
    platform,
    copy_id,
    count(*) as users,
    count(*) filter (where login_status != 'never_logged_in') as users_ever_logged_in,
    min(logged_in_at) filter (where login_status = 'login') as earliest_login_at,
    max(logged_in_at) filter (where login_status = 'login') as latest_login_at,
    count(*) filter (where login_status not in ('login', 'never_logged_in')) as rejected_logins,
    count(*) filter (where since_login <= interval 24 hour) as active_1d,
    count(*) filter (where since_login <= interval (7 * 24) hour) as active_7d,
    count(*) filter (where since_login <= interval (28 * 24) hour) as active_28d,
    count(*) filter (where since_login <= interval (90 * 24) hour) as active_90d
from users
group by platform, copy_id
