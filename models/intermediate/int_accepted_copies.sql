{% set accepts_doubts = env_var('ETHELRED_ACCEPT_DOUBTS', '') == 'true' %}

with int_obtained_copies as (
    select * from {{ ref('int_obtained_copies') }}
),

int_copy_doubts as (
    select * from {{ ref('int_copy_doubts') }}
),

doubts as (
    select
        platform,
        copy_id,
        bool_or(is_grave) as is_grave
    from int_copy_doubts
    group by platform, copy_id
)

select int_obtained_copies.*
from int_obtained_copies
left join doubts using (platform, copy_id)
where {{ accepts_doubts }} or not coalesce(doubts.is_grave, false)
