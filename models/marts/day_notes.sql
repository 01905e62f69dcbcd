with notes as (
    select * from {{ ref('notes') }}
),

platforms as (
    select * from {{ ref('platforms') }}
),

day_coverage as (
    select * from {{ ref('day_coverage') }}
),

note_days as (
    select
        platform,
        kind,
        text,
        starts_on,
        ends_on,
        cast(unnest(generate_series(starts_on, ends_on, interval 1 day)) as date) as day
    from notes
    where fault is null
)

select
    platforms.platform,
    note_days.day,
    note_days.kind,
    note_days.text,
    min(note_days.starts_on) as starts_on,
    max(note_days.ends_on) as ends_on
from note_days
inner join platforms on note_days.platform in (platforms.platform, 'all')
semi join day_coverage
    on platforms.platform = day_coverage.platform and note_days.day = day_coverage.day
group by platforms.platform, note_days.day, note_days.kind, note_days.text
order by platform, day, kind, text
