with int_new_copies as (
    select * from {{ ref('int_new_copies') }}
),

int_classified_logins as (
    select * from {{ ref('int_classified_logins') }}
)

select
    platform,
    copy_id,
    count(*) as recent_users
from int_new_copies
inner join int_classified_logins using (platform, copy_id)
where
    int_classified_logins.login_status = 'login'
    and int_classified_logins.logged_in_at
    >= int_new_copies.taken_before_at - interval (7 * 24) hour
group by platform, copy_id
