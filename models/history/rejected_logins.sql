with int_judged_logins as (
    select * from {{ ref('int_judged_logins') }}
)

select
    platform,
    copy_id,
    judgement as reason,
    value_shape
from int_judged_logins
where
    judgement not in ('login', 'never_logged_in')
    {% if is_incremental() %}
        and not exists (
            select 1 from {{ this }} as known_copies
            where
                known_copies.platform = int_judged_logins.platform
                and known_copies.copy_id = int_judged_logins.copy_id
        )
    {% endif %}
order by platform, taken_at, reason, value_shape
