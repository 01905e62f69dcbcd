with int_judged_copies as (
    select * from {{ ref('int_judged_copies') }}
),

int_new_logins as (
    select * from {{ ref('int_new_logins') }}
),

stg_known_logins as (
    select * from {{ ref('stg_known_logins') }}
),

older_logins as (
    select
        int_new_logins.platform,
        int_new_logins.copy_id,
        int_new_logins.logged_in_at
    from int_new_logins
    inner join int_judged_copies using (platform, copy_id)
    where int_new_logins.logged_in_at < int_judged_copies.latest_login_before_at
),

-- A known login of the same second: by chance one of thousands has one.
cut_login_counts as (
    select
        older_logins.platform,
        older_logins.copy_id,
        count(distinct older_logins.logged_in_at) as cut_logins
    from older_logins
    inner join stg_known_logins
        on
            older_logins.platform = stg_known_logins.platform
            and date_trunc('second', older_logins.logged_in_at)
            = date_trunc('second', stg_known_logins.logged_in_at)
            and older_logins.logged_in_at != stg_known_logins.logged_in_at
    group by older_logins.platform, older_logins.copy_id
),

new_login_counts as (
    select
        platform,
        copy_id,
        count(*) as new_logins,
        max(ordinal) as logins_at_once,
        count(*) filter (where logged_in_at < latest_login_before_at) as older_logins
    from int_new_logins
    inner join int_judged_copies using (platform, copy_id)
    group by platform, copy_id
)

select
    new_login_counts.*,
    coalesce(cut_login_counts.cut_logins, 0) as cut_logins
from new_login_counts
left join cut_login_counts using (platform, copy_id)
