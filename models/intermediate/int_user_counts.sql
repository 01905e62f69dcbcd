with int_classified_logins as (
    select * from {{ ref('int_classified_logins') }}
)

select
    platform,
    copy_id,
    count(*) as users,
    count(*) filter (where login_status != 'never_logged_in') as users_ever_logged_in,
    min(logged_in_at) filter (where login_status = 'login') as earliest_login_at,
    max(logged_in_at) filter (where login_status = 'login') as latest_login_at,
    count(*) filter (where login_status not in ('login', 'never_logged_in')) as rejected_logins,
    count(*) filter (
        where login_status = 'login' and logged_in_at >= taken_at - interval (7 * 24) hour
    ) as active_7d
from int_classified_logins
group by platform, copy_id
