with annotations as (
    select * from {{ ref('annotations') }}
),

bank_holidays as (
    select * from {{ ref('bank_holidays') }}
),

platforms as (
    select * from {{ ref('platforms') }}
),

logins_timeseries as (
    select * from {{ ref('logins_timeseries') }}
),

notes as (
    select
        platforms.platform,
        cast(annotations.day as date) as day,
        'annotation' as kind,
        annotations.text
    from annotations
    inner join platforms on annotations.platform in (platforms.platform, 'all')
    union all
    select
        platforms.platform,
        cast(bank_holidays.day as date) as day,
        'bank_holiday' as kind,
        bank_holidays.name as text
    from bank_holidays
    cross join platforms
)

select distinct notes.*
from notes
semi join logins_timeseries using (platform, day)
order by platform, day, kind, text
