with copies as (
    select * from {{ ref('copies') }}
)

select
    platform,
    copy_id,
    taken_at
from copies
qualify
    content_sha256 is null or row_number() over (
        partition by platform, content_sha256 order by taken_at, copy_id
    ) = 1
order by platform, taken_at
