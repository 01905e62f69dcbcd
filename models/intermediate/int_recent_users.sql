with int_new_copies as (
    select * from {{ ref('int_new_copies') }}
),

int_classified_logins as (
    select * from {{ ref('int_classified_logins') }}
)

select
    int_new_copies.platform,
    int_new_copies.copy_id,
    count(*) filter (
        where
        int_classified_logins.login_status = 'login'
        and int_classified_logins.logged_in_at
        >= int_new_copies.taken_before_at - interval (7 * 24) hour
    ) as recent_users
from int_new_copies
left join int_classified_logins using (platform, copy_id)
group by int_new_copies.platform, int_new_copies.copy_id
