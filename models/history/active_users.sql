with copies as (
    select * from {{ ref('int_copies') }}
),

judged_logins as (
    select * from {{ ref('int_judged_logins') }}
),

users as (
    select
        platform,
        copy_id,
        judgement,
        if(judgement = 'login', taken_at - logged_in_at, null) as since_login
    from judged_logins
),

counted as (
    select
        platform,
        copy_id,
        count(*) as users,
        count(*) filter (where judgement = 'never_logged_in') as never_logged_in,
        count(*) filter (where since_login <= interval 24 hour) as active_1d,
        count(*) filter (where since_login <= interval (7 * 24) hour) as active_7d,
        count(*) filter (where since_login <= interval (28 * 24) hour) as active_28d,
        count(*) filter (where since_login <= interval (90 * 24) hour) as active_90d
    from users
    group by platform, copy_id
)

select
    copies.platform,
    copies.copy_id,
    copies.taken_at,
    coalesce(counted.users, 0) as users,
    coalesce(counted.never_logged_in, 0) as never_logged_in,
    coalesce(counted.active_1d, 0) as active_1d,
    coalesce(counted.active_7d, 0) as active_7d,
    coalesce(counted.active_28d, 0) as active_28d,
    coalesce(counted.active_90d, 0) as active_90d
from copies
left join counted using (platform, copy_id)
{% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as known
        where known.platform = copies.platform and known.copy_id = copies.copy_id
    )
{% endif %}
order by copies.platform, copies.taken_at
