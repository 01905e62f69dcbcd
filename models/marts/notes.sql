with stg_note_lines as (
    select * from {{ ref('stg_note_lines') }}
),

platforms as (
    select * from {{ ref('platforms') }}
),

-- A row of bank_holidays.csv gets the columns of an annotation, of one day for all platforms.
note_rows as (
    select
        file,
        line,
        regexp_extract(
            if(file = 'annotations', line, 'all,' || regexp_replace(line, ',', ',,')),
            '^\s*"?([^",]*)"?,"?([^",]*)"?,"?([^",]*)"?,\s*(.*?)\s*$',
            ['platform', 'starts_on', 'ends_on', 'text']
        ) as field,
        try_cast(field['starts_on'] as date) as starts_on,
        try_cast(coalesce(nullif(field['ends_on'], ''), field['starts_on']) as date) as ends_on,
        if(
            starts_with(field['text'], '"'), replace(field['text'][2:-2], '""', '"'), field['text']
        ) as note
    from stg_note_lines
    where line is null or trim(line, ' ,') != ''
),

checked_rows as (
    select
        *,
        case
            when line is null then 'it is not in UTF-8; save it as "CSV UTF-8"'
            when starts_on is null or length(field['starts_on']) != 10
                then 'the day must be a date like 2026-11-22'
            when coalesce(ends_on < starts_on, true)
                then 'the last day must be empty or a date like 2026-11-22, not before the first'
            when
                field['platform'] != 'all'
                and field['platform'] not in (select platforms.platform from platforms)
                then 'the platform must be all, or one of seeds/platforms.csv'
            when ends_on - starts_on >= {{ var('max_annotation_days') }}
                then 'it lasts over {{ var('max_annotation_days') }} days: correct or split it'
            when regexp_matches(field['text'], '^"([^"]|"")*$') then 'the text must be on one line'
            when note = '' then 'the text is missing'
            when length(note) > {{ var('max_annotation_characters') }}
                then 'the text has more than {{ var('max_annotation_characters') }} characters'
        end as reason
    from note_rows
)

select
    if(file = 'annotations', 'annotation', 'bank_holiday') as kind,
    field['platform'] as platform,
    starts_on,
    ends_on,
    note as text,
    'seeds/' || file || '.csv: ' || reason || coalesce(', in the row: ' || left(line, 70), '')
        as fault
from checked_rows
