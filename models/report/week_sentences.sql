with logins_per_period as (
    select * from {{ ref('logins_per_period') }}
),

weeks as (
    select
        *,
        if(
            coverage = 'complete' and lag(coverage) over by_week = 'complete'
            and not (has_extra_copy or lag(has_extra_copy) over by_week),
            logins / nullif(lag(logins) over by_week, 0) - 1, null
        ) as change,
        cast(round(100 * abs(change)) as integer) as percent
    from logins_per_period
    where period_type = 'week'
    window by_week as (partition by platform order by starts_on)
),

phrases as (
    select
        *,
        case
            when year(starts_on) != year(ends_on) then strftime(starts_on, '%-d %B %Y')
            when month(starts_on) != month(ends_on) then strftime(starts_on, '%-d %B')
            else strftime(starts_on, '%-d')
        end || ' to ' || strftime(ends_on, '%-d %B %Y') as days_in_words,
        format('{:,} login', logins) || if(logins = 1, '', 's') as logins_in_words,
        case
            when coverage != 'complete' then ' or more, as not every day is complete'
            when percent = 0 then ', about as many as the week before'
            when change > 0 then ', ' || percent || '% more than the week before'
            when change < 0 then ', ' || percent || '% fewer than the week before'
            when has_extra_copy then ', with more copies than usual'
            else ''
        end as change_in_words,
        case
            when expected_low is null then ''
            else
                if(
                    verdict in ('lower', 'higher'),
                    '; that is ' || verdict || ' than usual, ', '; usual is '
                ) || format('{:,} to {:,}', expected_low, expected_high)
        end as usual_in_words
    from weeks
    where coverage != 'before_collection'
)

select
    platform,
    starts_on,
    ends_on,
    verdict,
    days_in_words || ': ' || logins_in_words || change_in_words || usual_in_words || '.' as sentence
from phrases
order by platform, starts_on
