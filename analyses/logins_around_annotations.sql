-- Did logins change on the day of an annotation? This compares the mean of the complete days in the
-- four weeks before with that of the four weeks from that day on.
with day_notes as (
    select * from {{ ref('day_notes') }}
),

logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
)

select
    day_notes.platform,
    day_notes.day,
    day_notes.text,
    avg(logins_timeseries.logins) filter (where logins_timeseries.day < day_notes.day)
        as mean_logins_before,
    avg(logins_timeseries.logins) filter (where logins_timeseries.day >= day_notes.day)
        as mean_logins_after,
    mean_logins_after / nullif(mean_logins_before, 0) - 1 as change_28d
from day_notes
left join logins_timeseries
    on
        day_notes.platform = logins_timeseries.platform
        and logins_timeseries.day between day_notes.day - 28 and day_notes.day + 27
        and logins_timeseries.coverage = 'complete'
where day_notes.kind = 'annotation'
group by day_notes.platform, day_notes.day, day_notes.text
order by day_notes.platform asc, day_notes.day desc
