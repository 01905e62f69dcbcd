with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

day_notes as (
    select * from {{ ref('day_notes') }}
),

notes as (
    select
        platform,
        day,
        string_agg(text, '; ' order by kind, text) as notes
    from day_notes
    group by platform, day
)

select
    days.platform,
    days.day,
    days.logins,
    days.expected_low,
    days.expected_high,
    days.verdict,
    notes.notes
from logins_timeseries as days
left join notes using (platform, day)
where days.verdict in ('lower', 'higher')
order by days.platform asc, days.day desc
