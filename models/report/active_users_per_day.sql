with active_users as (
    select * from {{ ref('active_users') }}
),

distinct_copies as (
    select * from {{ ref('distinct_copies') }}
),

-- A repeated copy doesn't show who has logged in since the copy that it repeats.
copy_days as (
    select
        *,
        {{ reporting_day('taken_at') }} as day
    from active_users
    semi join distinct_copies using (platform, copy_id)
)

select
    platform,
    day,
    users,
    never_logged_in,
    active_1d,
    active_7d,
    active_28d,
    active_90d
from copy_days
qualify row_number() over (partition by platform, day order by taken_at desc) = 1
order by platform, day
