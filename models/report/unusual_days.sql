with logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

day_notes as (
    select * from {{ ref('day_notes') }}
),

notes_per_day as (
    select
        platform,
        day,
        string_agg(text, '; ' order by kind, text) as notes
    from day_notes
    group by platform, day
)

select
    logins_timeseries.platform,
    logins_timeseries.day,
    logins_timeseries.logins,
    logins_timeseries.expected_low,
    logins_timeseries.expected_high,
    logins_timeseries.verdict,
    nullif(concat_ws(
        '; ', notes_per_day.notes,
        if(has_extra_copy, 'Further copy, which shows logins that nightly copies miss', null)
    ), '') as notes
from logins_timeseries
left join notes_per_day using (platform, day)
where
    logins_timeseries.verdict in ('lower', 'higher', 'quiet_as_expected', 'busy_as_expected')
order by logins_timeseries.platform asc, logins_timeseries.day desc
