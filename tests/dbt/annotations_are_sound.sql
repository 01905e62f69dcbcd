with annotations as (
    select * from {{ ref('annotations') }}
),

allowed_platforms as (
    select platform from {{ ref('platforms') }}
    union all
    select 'all' as platform
),

annotation_faults as (
    select
        case
            when try_cast(starts_on as date) is null or length(starts_on) != 10
                then 'starts_on must be a date like 2026-11-22'
            when
                ends_on is not null
                and (
                    coalesce(try_cast(ends_on as date) < try_cast(starts_on as date), true)
                    or length(ends_on) != 10
                )
                then 'ends_on must be empty or a date like 2026-11-22, not before starts_on'
            when allowed_platforms.platform is null
                then 'the platform must be all, or one of seeds/platforms.csv'
            when coalesce(trim(annotations.text), '') = '' then 'the text is missing'
            when length(annotations.text) > {{ var('max_annotation_characters') }}
                then 'the text has more than {{ var('max_annotation_characters') }} characters'
        end as fault,
        concat_ws(
            ',', annotations.platform, starts_on, coalesce(ends_on, ''), left(annotations.text, 60)
        ) as line
    from annotations
    left join allowed_platforms using (platform)
)

-- An error rather than a count of rows: it says which row, and what is wrong with it.
select line
from annotation_faults
where
    fault is not null
    and cast(error('seeds/annotations.csv: ' || fault || ', in the row: ' || line) as boolean)
