with platforms as (
    select * from {{ ref('platforms') }}
),

week_sentences as (
    select * from {{ ref('week_sentences') }}
),

unusual_days as (
    select * from {{ ref('unusual_days') }}
),

collection_events as (
    select * from {{ ref('collection_events') }}
),

events as (
    select
        platform,
        'week' as kind,
        ends_on as happened_on,
        'The week in a sentence' as headline,
        sentence as text
    from week_sentences
    union all
    select
        platform,
        'unusual_day' as kind,
        day as happened_on,
        'A day ' || verdict || ' than usual' as headline,
        format('{:,} login', logins) || if(logins = 1, '', 's') || strftime(day, ' on %A %-d %B %Y')
        || format('; usual is {:,} to {:,}.', expected_low, expected_high)
        || coalesce(' ' || notes || '.', '') as text
    from unusual_days
    where verdict in ('lower', 'higher')
    union all
    select * from collection_events
)

select
    events.platform,
    events.kind,
    events.happened_on,
    platforms.platform_name || ': ' || events.headline as title,
    events.text
from events
inner join platforms using (platform)
qualify row_number() over (order by happened_on desc, platform asc, kind asc) <= 100
order by happened_on desc, platform asc, kind asc
