with int_new_copies as (
    select * from {{ ref('int_new_copies') }}
),

int_new_logins as (
    select * from {{ ref('int_new_logins') }}
),

stg_known_logins as (
    select * from {{ ref('stg_known_logins') }}
),

judged_logins as (
    select
        int_new_logins.*,
        coalesce(logged_in_at < latest_login_before_at, false) as is_older,
        date_trunc('second', logged_in_at) as second,
        count(*) over (partition by platform, copy_id, second) as logins_in_second
    from int_new_logins
    inner join int_new_copies using (platform, copy_id)
),

-- A new login in the same second as a known one counts as the known login without its fraction.
-- By chance, only one login in thousands shares a second.
cut_login_counts as (
    select
        judged_logins.platform,
        judged_logins.copy_id,
        count(distinct judged_logins.logged_in_at) as cut_logins
    from judged_logins
    inner join stg_known_logins using (platform)
    where
        judged_logins.is_older
        and judged_logins.second = date_trunc('second', stg_known_logins.logged_in_at)
        and judged_logins.logged_in_at != stg_known_logins.logged_in_at
    group by judged_logins.platform, judged_logins.copy_id
),

new_login_counts as (
    select
        platform,
        copy_id,
        count(*) as new_logins,
        max(logins_in_second) as most_in_second,
        -- A script that updates users one by one takes some microseconds for each.
        if(
            most_in_second / new_logins >= {{ var('grave_share_at_once') }},
            most_in_second, max(ordinal)
        ) as logins_at_once,
        count(*) filter (where is_older) as older_logins
    from judged_logins
    group by platform, copy_id
)

select
    new_login_counts.* exclude (most_in_second),
    coalesce(cut_login_counts.cut_logins, 0) as cut_logins
from new_login_counts
left join cut_login_counts using (platform, copy_id)
