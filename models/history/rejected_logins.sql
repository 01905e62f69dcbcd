with int_accepted_logins as (
    select * from {{ ref('int_accepted_logins') }}
)

select
    platform,
    copy_id,
    login_status as reason,
    value_shape
from int_accepted_logins
where
    login_status not in ('login', 'never_logged_in')
    {% if is_incremental() %}
        and not exists (
            select 1 from {{ this }} as known_copies
            where
                known_copies.platform = int_accepted_logins.platform
                and known_copies.copy_id = int_accepted_logins.copy_id
        )
    {% endif %}
order by platform, taken_at, reason, value_shape
