with annotations as (
    select * from {{ ref('annotations') }}
),

known as (
    select platform from {{ ref('platforms') }}
    union all
    select 'all' as platform
),

judged as (
    select
        case
            when try_cast(annotations.day as date) is null or length(annotations.day) != 10
                then 'the day must be a date like 2026-11-22'
            when known.platform is null
                then 'the platform must be all, or one of seeds/platforms.csv'
            when coalesce(trim(annotations.text), '') = '' then 'the text is missing'
            when length(annotations.text) > {{ var('max_annotation_characters') }}
                then 'the text has more than {{ var('max_annotation_characters') }} characters'
        end as fault,
        concat_ws(',', annotations.platform, annotations.day, left(annotations.text, 60)) as line
    from annotations
    left join known using (platform)
)

-- An error rather than a count of rows: it says which row, and what is wrong with it.
select line
from judged
where
    fault is not null
    and cast(error('seeds/annotations.csv: ' || fault || ', in the row: ' || line) as boolean)
