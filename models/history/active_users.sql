with int_accepted_copies as (
    select * from {{ ref('int_accepted_copies') }}
),

int_user_counts as (
    select * from {{ ref('int_user_counts') }}
)

select
    int_accepted_copies.platform,
    int_accepted_copies.copy_id,
    int_accepted_copies.taken_at,
    coalesce(int_user_counts.users, 0) as users,
    coalesce(int_user_counts.users - int_user_counts.users_ever_logged_in, 0) as never_logged_in,
    coalesce(int_user_counts.active_1d, 0) as active_1d,
    coalesce(int_user_counts.active_7d, 0) as active_7d,
    coalesce(int_user_counts.active_28d, 0) as active_28d,
    coalesce(int_user_counts.active_90d, 0) as active_90d
from int_accepted_copies
left join int_user_counts using (platform, copy_id)
{% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as known_copies
        where
            known_copies.platform = int_accepted_copies.platform
            and known_copies.copy_id = int_accepted_copies.copy_id
    )
{% endif %}
order by int_accepted_copies.platform, int_accepted_copies.taken_at
