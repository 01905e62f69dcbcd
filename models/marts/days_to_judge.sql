with day_coverage as (
    select * from {{ ref('day_coverage') }}
),

logins_per_day as (
    select * from {{ ref('logins_per_day') }}
),

distinct_copies as (
    select * from {{ ref('distinct_copies') }}
),

day_notes as (
    select * from {{ ref('day_notes') }}
),

-- The raw and the sanitised copy of a night count as one. Copies of two nights may be on one day.
copies_apart as (
    select
        platform,
        {{ reporting_day('taken_at') }} as day,
        lag(taken_at) over by_time as taken_before_at,
        date_diff('second', taken_before_at, taken_at) / 3600 as hours_apart,
        date_diff('second', taken_at, lead(taken_at) over by_time) / 3600 as hours_to_next
    from distinct_copies
    window by_time as (partition by platform order by taken_at)
    qualify coalesce(hours_apart > {{ var('hours_of_one_copy') }} and (
        least(hours_apart, hours_to_next) < {{ var('min_hours_between_nights') }}
        or {{ reporting_day('taken_before_at') }} < day
    ), true)
),

days as (
    select
        day_coverage.*,
        coalesce(any_value(logins_per_day.logins), 0) as logins,
        if(any_value(day_coverage.coverage) = 'complete', count(copies_apart.day), null) as copies,
        (day_coverage.platform, day_coverage.day) in (select (platform, day) from day_notes)
            as has_note
    from day_coverage
    left join logins_per_day using (platform, day)
    left join copies_apart using (platform, day)
    group by all
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
