with day_coverage as (
    select * from {{ ref('day_coverage') }}
),

logins_per_day as (
    select * from {{ ref('logins_per_day') }}
),

copies as (
    select * from {{ ref('copies') }}
),

day_notes as (
    select * from {{ ref('day_notes') }}
),

-- The raw and the sanitised copy of a night are taken within an hour, and count as one.
copies_per_day as (
    select
        platform,
        {{ reporting_day('taken_at') }} as day,
        count(distinct date_trunc('hour', taken_at)) as copies
    from copies
    group by platform, day
),

days as (
    select
        day_coverage.platform,
        day_coverage.day,
        day_coverage.coverage,
        coalesce(logins_per_day.logins, 0) as logins,
        if(day_coverage.coverage = 'complete', coalesce(copies_per_day.copies, 0), null) as copies,
        (day_coverage.platform, day_coverage.day) in (select (platform, day) from day_notes)
            as has_note
    from day_coverage
    left join logins_per_day using (platform, day)
    left join copies_per_day using (platform, day)
)

select
    platform,
    day,
    coverage,
    logins,
    has_note,
    coalesce(
        copies > median(copies) over (
            partition by platform order by day rows {{ 7 * var('usual_range_weeks') }} preceding
        ), false
    ) as has_extra_copy,
    if(coverage = 'complete' and not has_note and not has_extra_copy, logins, null)
        as ordinary_logins
from days
order by platform, day
