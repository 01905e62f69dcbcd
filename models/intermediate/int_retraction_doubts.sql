with int_obtained_copies as (
    select * from {{ ref('int_obtained_copies') }}
),

stg_retractions as (
    select * from {{ ref('stg_retractions') }}
),

stg_known_retractions as (
    select * from {{ ref('stg_known_retractions') }}
),

stg_known_copies as (
    select * from {{ ref('stg_known_copies') }}
),

retracted_copies as (
    select
        platform,
        copy_id
    from stg_retractions
    union
    select
        platform,
        copy_id
    from stg_known_retractions
)

select
    platform,
    copy_number,
    copy_id,
    taken_at,
    'retracted' as doubt,
    true as is_grave,
    'it was retracted from the history' as finding
from int_obtained_copies
semi join retracted_copies using (platform, copy_id)
anti join stg_known_copies using (platform, copy_id)
