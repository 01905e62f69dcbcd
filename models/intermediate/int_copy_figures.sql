with int_new_copies as (
    select * from {{ ref('int_new_copies') }}
),

int_new_login_counts as (
    select * from {{ ref('int_new_login_counts') }}
),

int_new_login_baselines as (
    select * from {{ ref('int_new_login_baselines') }}
),

int_recent_users as (
    select * from {{ ref('int_recent_users') }}
)

select
    *,
    if(
        usual_logins is null, null,
        greatest({{ var('min_many_new_logins') }}, {{ var('many_times_the_usual') }} * usual_logins)
    ) as many_logins_threshold,
    older_logins / nullif(new_logins, 0) as older_share,
    cut_logins / nullif(new_logins, 0) as cut_share,
    rejected_logins / nullif(users_ever_logged_in, 0) as rejected_share,
    users_before - users as users_gone,
    users_gone / nullif(users_before, 0) as users_gone_share,
    users_ever_logged_in_before - users_ever_logged_in as logged_in_gone,
    logged_in_gone / nullif(users_ever_logged_in_before, 0) as logged_in_gone_share,
    active_7d_before - recent_users as recent_users_gone,
    recent_users_gone / nullif(active_7d_before, 0) as recent_share_gone
from int_new_copies
left join int_new_login_counts using (platform, copy_id)
left join int_new_login_baselines using (platform, copy_id)
left join int_recent_users using (platform, copy_id)
