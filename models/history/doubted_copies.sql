with int_copy_doubts as (
    select * from {{ ref('int_copy_doubts') }}
),

int_accepted_copies as (
    select * from {{ ref('int_accepted_copies') }}
)

select
    int_copy_doubts.platform,
    int_copy_doubts.copy_id,
    int_copy_doubts.doubt,
    int_copy_doubts.is_grave,
    int_copy_doubts.finding,
    int_copy_doubts.taken_at,
    timezone('UTC', now()) as accepted_at
from int_copy_doubts
semi join int_accepted_copies using (platform, copy_id)
{% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as known_doubts
        where
            known_doubts.platform = int_copy_doubts.platform
            and known_doubts.copy_id = int_copy_doubts.copy_id
    )
{% endif %}
order by int_copy_doubts.platform, int_copy_doubts.taken_at, int_copy_doubts.doubt
