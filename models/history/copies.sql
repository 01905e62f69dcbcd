with copies as (
    select * from {{ ref('int_copies') }}
),

judged_logins as (
    select * from {{ ref('int_judged_logins') }}
),

-- Used twice, but not to be copied into memory: filters are to reach the table.
logins as not materialized (
    select * from {{ ref('logins') }}
),

users as (
    select
        platform,
        copy_id,
        count(*) as users,
        count(*) filter (where judgement != 'never_logged_in') as users_ever_logged_in,
        min(logged_in_at) filter (where judgement = 'login') as earliest_login_at,
        max(logged_in_at) filter (where judgement = 'login') as latest_login_at,
        count(*) filter (where judgement not in ('login', 'never_logged_in')) as rejected_logins
    from judged_logins
    group by platform, copy_id
),

new_logins as (
    select
        platform,
        copy_id,
        count(*) as new_logins
    from logins
    where appended_at = (select max(newest.appended_at) from logins as newest)
    group by platform, copy_id
)

select
    copies.platform,
    copies.copy_id,
    copies.taken_at,
    copies.taken_at_from,
    copies.obtained_at,
    coalesce(users.users, 0) as users,
    coalesce(users.users_ever_logged_in, 0) as users_ever_logged_in,
    users.earliest_login_at,
    users.latest_login_at,
    coalesce(users.rejected_logins, 0) as rejected_logins,
    coalesce(new_logins.new_logins, 0) as new_logins
from copies
left join users using (platform, copy_id)
left join new_logins using (platform, copy_id)
{% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as known
        where known.platform = copies.platform and known.copy_id = copies.copy_id
    )
{% endif %}
order by copies.platform, copies.taken_at
