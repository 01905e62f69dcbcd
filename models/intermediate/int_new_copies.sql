with int_obtained_copies as (
    select * from {{ ref('int_obtained_copies') }}
),

int_user_counts as (
    select * from {{ ref('int_user_counts') }}
),

stg_known_copies as (
    select * from {{ ref('stg_known_copies') }}
),

stg_known_active_users as (
    select * from {{ ref('stg_known_active_users') }}
),

copies_in_order as (
    select
        *,
        true as is_known
    from stg_known_copies
    left join stg_known_active_users using (platform, copy_id)
    union all by name
    select
        * replace (
            coalesce(users, 0) as users,
            coalesce(users_ever_logged_in, 0) as users_ever_logged_in,
            coalesce(rejected_logins, 0) as rejected_logins,
            coalesce(active_7d, 0) as active_7d
        ),
        false as is_known
    from int_obtained_copies
    left join int_user_counts using (platform, copy_id)
    anti join stg_known_copies using (platform, copy_id)
)

-- Two copies before are compared, so that a bad copy doesn't make the next sound one doubtful.
select
    * exclude (is_known, active_7d),
    min(users) over two_before as users_before,
    min(users_ever_logged_in) over two_before as users_ever_logged_in_before,
    min(latest_login_at) over two_before as latest_login_before_at,
    max(taken_at) over two_before as taken_before_at,
    min(active_7d) over two_before as active_7d_before,
    content_sha256 is not null and row_number() over (
        partition by platform, content_sha256 order by taken_at, copy_id
    ) > 1 as is_repeated
from copies_in_order
window
    two_before as (
        partition by platform order by taken_at, copy_id rows between 2 preceding and 1 preceding
    )
qualify not is_known
