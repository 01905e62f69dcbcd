with copies as (
    select * from {{ ref('copies') }}
),

rejected_logins as (
    select * from {{ ref('rejected_logins') }}
),

newest_copies as (
    select
        platform,
        max_by(copy_id, taken_at) as copy_id
    from copies
    group by platform
)

select
    platform,
    reason,
    count(*) as rejected_logins
from rejected_logins
semi join newest_copies using (platform, copy_id)
group by platform, reason
order by platform, reason
