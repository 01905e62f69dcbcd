with int_accepted_copies as (
    select * from {{ ref('int_accepted_copies') }}
),

int_accepted_logins as (
    select * from {{ ref('int_accepted_logins') }}
),

users as (
    select
        platform,
        copy_id,
        login_status,
        if(login_status = 'login', taken_at - logged_in_at, null) as since_login
    from int_accepted_logins
),

user_counts as (
    select
        platform,
        copy_id,
        count(*) as users,
        count(*) filter (where login_status = 'never_logged_in') as never_logged_in,
        count(*) filter (where since_login <= interval 24 hour) as active_1d,
        count(*) filter (where since_login <= interval (7 * 24) hour) as active_7d,
        count(*) filter (where since_login <= interval (28 * 24) hour) as active_28d,
        count(*) filter (where since_login <= interval (90 * 24) hour) as active_90d
    from users
    group by platform, copy_id
)

select
    int_accepted_copies.platform,
    int_accepted_copies.copy_id,
    int_accepted_copies.taken_at,
    coalesce(user_counts.users, 0) as users,
    coalesce(user_counts.never_logged_in, 0) as never_logged_in,
    coalesce(user_counts.active_1d, 0) as active_1d,
    coalesce(user_counts.active_7d, 0) as active_7d,
    coalesce(user_counts.active_28d, 0) as active_28d,
    coalesce(user_counts.active_90d, 0) as active_90d
from int_accepted_copies
left join user_counts using (platform, copy_id)
{% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as known_copies
        where
            known_copies.platform = int_accepted_copies.platform
            and known_copies.copy_id = int_accepted_copies.copy_id
    )
{% endif %}
order by int_accepted_copies.platform, int_accepted_copies.taken_at
