-- The other tables with rows of a copy are built before this one. So a copy that is listed here has
-- all its rows there, even if a run is killed.
-- depends_on: {{ ref('active_users') }}, {{ ref('rejected_logins') }}, {{ ref('doubted_copies') }}
with int_accepted_copies as (
    select * from {{ ref('int_accepted_copies') }}
),

int_user_counts as (
    select * from {{ ref('int_user_counts') }}
),

-- Not materialised, so that DuckDB filters the table instead of copying it into memory.
logins as not materialized (
    select * from {{ ref('logins') }}
),

new_login_counts as (
    select
        platform,
        copy_id,
        count(*) as new_logins
    from logins
    where appended_at = (select max(newest.appended_at) from logins as newest)
    group by platform, copy_id
)

select
    int_accepted_copies.platform,
    int_accepted_copies.copy_id,
    int_accepted_copies.taken_at,
    int_accepted_copies.taken_at_source,
    int_accepted_copies.obtained_at,
    coalesce(int_user_counts.users, 0) as users,
    coalesce(int_user_counts.users_ever_logged_in, 0) as users_ever_logged_in,
    int_user_counts.earliest_login_at,
    int_user_counts.latest_login_at,
    coalesce(int_user_counts.rejected_logins, 0) as rejected_logins,
    coalesce(new_login_counts.new_logins, 0) as new_logins,
    int_accepted_copies.contradicting_at,
    int_accepted_copies.content_sha256
from int_accepted_copies
left join int_user_counts using (platform, copy_id)
left join new_login_counts using (platform, copy_id)
{% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as known_copies
        where
            known_copies.platform = int_accepted_copies.platform
            and known_copies.copy_id = int_accepted_copies.copy_id
    )
{% endif %}
order by int_accepted_copies.platform, int_accepted_copies.taken_at
