{% set accepts_doubts = env_var('ETHELRED_ACCEPT_DOUBTS', '') == 'true' %}

with int_obtained_copies as (
    select * from {{ ref('int_obtained_copies') }}
),

int_copy_doubts as (
    select * from {{ ref('int_copy_doubts') }}
),

grave_doubts as (
    select
        platform,
        copy_id
    from int_copy_doubts
    where is_grave
)

select * from int_obtained_copies
where
    {{ accepts_doubts }}
    or (platform, copy_id) not in (select (platform, copy_id) from grave_doubts)
