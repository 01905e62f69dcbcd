with active_users_per_day as (
    select * from {{ ref('active_users_per_day') }}
),

newest_copies as (
    select *
    from active_users_per_day
    qualify row_number() over (partition by platform order by day desc) = 1
)

select
    newest_copies.platform,
    newest_copies.active_7d,
    newest_copies.active_28d,
    newest_copies.active_7d / nullif(week_before.active_7d, 0) - 1 as change_active_7d,
    newest_copies.active_28d / nullif(month_before.active_28d, 0) - 1 as change_active_28d,
    if(
        year_before.day > newest_copies.day - 371,
        newest_copies.active_7d / nullif(year_before.active_7d, 0) - 1, null
    ) as year_change_active_7d,
    if(
        year_before.day > newest_copies.day - 371,
        newest_copies.active_28d / nullif(year_before.active_28d, 0) - 1, null
    ) as year_change_active_28d
from newest_copies
left join active_users_per_day as week_before
    on
        newest_copies.platform = week_before.platform
        and newest_copies.day - 7 = week_before.day
left join active_users_per_day as month_before
    on
        newest_copies.platform = month_before.platform
        and newest_copies.day - 28 = month_before.day
-- The last copy of the week that ended 364 days earlier counts, so one missed night doesn't matter.
asof left join active_users_per_day as year_before
    on
        newest_copies.platform = year_before.platform
        and newest_copies.day - 364 >= year_before.day
order by newest_copies.platform
