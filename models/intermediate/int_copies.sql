with copies_obtained as (
    select * from {{ source('copies', 'copies_obtained') }}
),

last_logins as (
    select * from {{ ref('int_last_logins') }}
),

-- A copy can't show a login from after it was taken, so a later one is a bad value.
newest_logins as (
    select
        copies_obtained.copy_number,
        max(last_logins.logged_in_at) as newest_login_at
    from copies_obtained
    inner join last_logins using (platform, copy_number)
    where
        last_logins.logged_in_at <= copies_obtained.obtained_at
        and last_logins.logged_in_at < coalesce(
            copies_obtained.named_on + interval ({{ var('newest_login_within_days_of_name') }}) day,
            timestamp 'infinity'
        )
    group by copies_obtained.copy_number
),

dated as (
    select
        *,
        case
            when stated_taken_at is not null then 'statement'
            when modified_at > obtained_at + interval ({{ var('clock_tolerance_minutes') }}) minute
                then 'newest_login'
            when modified_at is null or cast(modified_at as date) != named_on then 'newest_login'
            else 'modification'
        end as taken_at_from
    from copies_obtained
    left join newest_logins using (copy_number)
),

taken as (
    select
        *,
        case taken_at_from
            when 'statement' then stated_taken_at
            when 'modification' then modified_at
            else coalesce(newest_login_at, named_on, least(modified_at, obtained_at))
        end as taken_at
    from dated
)

select
    platform,
    copy_number,
    sha256(content_sha256 || strftime(taken_at, ' %Y-%m-%d %H:%M:%S')) as copy_id,
    taken_at,
    taken_at_from,
    obtained_at
from taken
qualify row_number() over (partition by platform, copy_id order by copy_number) = 1
