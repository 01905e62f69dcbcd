select
    platform,
    copy_id
from {{ ref('copies') }}
full join {{ ref('active_users') }} as active_users using (platform, copy_id)
where copies.users is distinct from active_users.users
