with annotations as (
    select * from {{ ref('annotations') }}
),

bank_holidays as (
    select * from {{ ref('bank_holidays') }}
),

platforms as (
    select * from {{ ref('platforms') }}
),

day_coverage as (
    select * from {{ ref('day_coverage') }}
),

-- A row that isn't sound is none: a data test says so.
annotation_days as (
    select
        platform,
        text,
        try_cast(starts_on as date) as first_day,
        coalesce(try_cast(ends_on as date), first_day) as last_day,
        unnest(generate_series(first_day, last_day, interval 1 day)) as day
    from annotations
    where text is not null
),

notes as (
    select
        platforms.platform,
        cast(annotation_days.day as date) as day,
        'annotation' as kind,
        annotation_days.text
    from annotation_days
    inner join platforms on annotation_days.platform in (platforms.platform, 'all')
    union all
    select
        platforms.platform,
        try_cast(bank_holidays.day as date) as day,
        'bank_holiday' as kind,
        bank_holidays.name as text
    from bank_holidays
    cross join platforms
)

select distinct notes.*
from notes
semi join day_coverage using (platform, day)
order by platform, day, kind, text
