with stg_last_logins as (
    select * from {{ ref('stg_last_logins') }}
),

stg_platforms as (
    select * from {{ ref('stg_platforms') }}
),

-- Newer Djangos on Python 3.11 or later also read '20260310T050607', '2026-03-10 0506' and
-- '2026-03-10 05'. Such values are rewritten to the form that the pattern below knows.
trimmed_values as (
    select
        stg_last_logins.* replace (trim(value) as value),
        coalesce(stg_platforms.login_format, 'utc') as login_format,
        if(storage_class = 'text', trim(stg_last_logins.value), '') as text_value,
        regexp_replace(
            text_value, '^(\d{4})(\d\d)(\d\d)([ T]\d\d(?:$|:?\d\d|[ Z+-]))', '\1-\2-\3\4'
        ) as with_date,
        regexp_replace(with_date, '^(.{10}[ T]\d\d)(\d\d)(\d\d)', '\1:\2:\3') as with_seconds,
        regexp_replace(with_seconds, '^(.{10}[ T]\d\d)(\d\d)([ Z+-]|$)', '\1:\2\3') as with_minutes,
        regexp_replace(with_minutes, '^(.{10}[ T]\d\d)([ Z+-]|$)', '\1:00\2') as django_text
    from stg_last_logins
    left join stg_platforms using (platform)
),

-- The pattern is that of Django's parse_datetime. A date alone is no moment: see decision 2.
value_parts as (
    select
        *,
        regexp_extract(
            django_text,
            '^(\d{4}-\d\d?-\d\d?[ T](?:[01]?\d|2[0-3]):\d\d?(?::[0-5]?\d(?:[.,]\d{1,12})?)?)'
            || '\s*(Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?$',
            ['clock_time', 'zone', 'sign', 'hours', 'minutes']
        ) as parts,
        try_cast(replace(parts['clock_time'], ',', '.') as timestamp) as clock_time,
        coalesce(try_cast(parts['hours'] as integer), 0) as offset_hours,
        coalesce(try_cast(parts['minutes'] as integer), 0) as offset_minutes,
        if(login_format = 'epoch_seconds', 1000000, 1000) * try_cast(value as double)
            as epoch_microseconds
    from trimmed_values
)

select
    platform,
    copy_number,
    storage_class,
    value,
    case
        when login_format in ('epoch_seconds', 'epoch_milliseconds')
            then try(make_timestamp(cast(round(epoch_microseconds) as bigint)))
        when login_format = 'utc' or parts['zone'] != ''
            then
                clock_time
                - if(parts['sign'] = '-', -1, 1)
                * (to_hours(offset_hours) + to_minutes(offset_minutes))
        else clock_time at time zone login_format at time zone 'UTC'
    end as logged_in_at
from value_parts
