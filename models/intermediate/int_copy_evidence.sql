with copies_obtained as (
    select * from {{ source('copies', 'copies_obtained') }}
),

int_last_logins as (
    select * from {{ ref('int_last_logins') }}
),

-- Find 2026-03-22, 20260322 and 20260322T0500 anywhere in the name.
filename_dates as (
    select
        copy_number,
        obtained_at,
        unnest(regexp_extract_all(
            regexp_replace(translate(filename, '_.', '--'), '\pL', ' ', 'g'),
            '\b(\d{4}-?\d\d-?\d\d)(?:\d{4}|\d{6})?\b', 1
        )) as text,
        cast(try_strptime(replace(text, '-', ''), '%Y%m%d') as date) as filename_date
    from copies_obtained
),

newest_filename_dates as (
    select
        copy_number,
        max(filename_date) as filename_date
    from filename_dates
    where
        filename_date >= date '{{ var('earliest_plausible_login') }}'
        and filename_date <= obtained_at + interval ({{ var('runner_clock_error_hours') }}) hour
    group by copy_number
),

-- The runner's clock may be slow. A plausible modification time shows by how much.
plausible_limits as (
    select
        *,
        obtained_at + interval ({{ var('runner_clock_error_hours') }}) hour as slow_clock_limit,
        if(
            modified_at > slow_clock_limit, obtained_at,
            greatest(obtained_at, coalesce(modified_at, slow_clock_limit))
        ) + interval ({{ var('clock_tolerance_minutes') }}) minute as latest_plausible_at
    from copies_obtained
),

newest_plausible_logins as (
    select
        copy_number,
        max(logged_in_at, {{ var('logins_that_refute_a_time') }}) as newest_plausible_logins
    from plausible_limits
    inner join int_last_logins using (platform, copy_number)
    where logged_in_at between '{{ var('earliest_plausible_login') }}' and latest_plausible_at
    group by copy_number
)

select *
from copies_obtained
left join newest_filename_dates using (copy_number)
left join newest_plausible_logins using (copy_number)
