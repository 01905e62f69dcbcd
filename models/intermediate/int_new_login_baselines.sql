with int_new_copies as (
    select * from {{ ref('int_new_copies') }}
),

int_new_logins as (
    select * from {{ ref('int_new_logins') }}
),

stg_known_logins as (
    select * from {{ ref('stg_known_logins') }}
),

login_days as (
    select
        platform,
        logged_in_at
    from stg_known_logins
    where
        logged_in_at >= (
            select
                min(int_new_copies.taken_before_at)
                - interval ({{ var('new_login_baseline_days') }}) day
            from int_new_copies
        )
    union all
    select
        platform,
        logged_in_at
    from int_new_logins
)

select
    int_new_copies.platform,
    int_new_copies.copy_id,
    count(login_days.logged_in_at) / {{ var('new_login_baseline_days') }} * greatest(
        1,
        date_diff(
            'hour',
            any_value(int_new_copies.taken_before_at),
            any_value(int_new_copies.taken_at)
        )
        / 24
    ) as usual_logins
from int_new_copies
left join login_days
    on
        int_new_copies.platform = login_days.platform
        and login_days.logged_in_at
        > int_new_copies.taken_before_at - interval ({{ var('new_login_baseline_days') }}) day
        and int_new_copies.taken_before_at >= login_days.logged_in_at
where int_new_copies.taken_before_at is not null
group by int_new_copies.platform, int_new_copies.copy_id
