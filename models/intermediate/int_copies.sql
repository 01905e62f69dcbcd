with copies_obtained as (
    select * from {{ source('copies', 'copies_obtained') }}
),

int_last_logins as (
    select * from {{ ref('int_last_logins') }}
),

-- A copy can't show a login from after it was taken, so a later one is a bad value.
newest_logins as (
    select
        copies_obtained.copy_number,
        max(int_last_logins.logged_in_at) as newest_login_at
    from copies_obtained
    inner join int_last_logins using (platform, copy_number)
    where
        int_last_logins.logged_in_at <= copies_obtained.obtained_at
        and int_last_logins.logged_in_at < coalesce(
            copies_obtained.filename_date
            + interval ({{ var('newest_login_within_days_of_name') }}) day,
            timestamp 'infinity'
        )
    group by copies_obtained.copy_number
),

copies_given as (
    select
        *,
        case
            when taken_at_override is not null then 'override'
            when modified_at > obtained_at + interval ({{ var('clock_tolerance_minutes') }}) minute
                then 'newest_login'
            when modified_at is null or cast(modified_at as date) != filename_date
                then 'newest_login'
            else 'mtime'
        end as taken_at_source,
        case taken_at_source
            when 'override' then taken_at_override
            when 'mtime' then modified_at
            else coalesce(newest_login_at, filename_date, least(modified_at, obtained_at))
        end as taken_at
    from copies_obtained
    left join newest_logins using (copy_number)
)

select
    platform,
    copy_number,
    sha256(content_sha256 || strftime(taken_at, ' %Y-%m-%d %H:%M:%S')) as copy_id,
    taken_at,
    taken_at_source,
    obtained_at
from copies_given
qualify row_number() over (partition by platform, copy_id order by copy_number) = 1
