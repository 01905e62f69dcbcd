-- Older logins were tested when they were the newest, and the runner checks that they stay.
with last_appended_logins as (
    select * from {{ ref('logins') }}
    where appended_at = (select max(appended_at) from {{ ref('logins') }})
)

select
    logins.platform,
    logins.logged_in_at,
    logins.ordinal
from {{ ref('logins') }} as logins
semi join last_appended_logins
    on
        logins.platform = last_appended_logins.platform
        and logins.logged_in_at = last_appended_logins.logged_in_at
        and logins.ordinal = last_appended_logins.ordinal
group by all
having count(*) > 1
