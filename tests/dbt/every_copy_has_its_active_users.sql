select
    platform,
    copy_id
from {{ ref('copies') }}
left join {{ ref('active_users') }} as active_users using (platform, copy_id)
where copies.users is distinct from active_users.users
