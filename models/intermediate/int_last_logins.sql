with stg_last_logins as (
    select * from {{ ref('stg_last_logins') }}
),

trimmed_values as (
    select
        platform,
        copy_number,
        storage_class,
        trim(value) as value
    from stg_last_logins
),

-- What Django reads: its own pattern, in which much may be left out.
value_parts as (
    select
        *,
        regexp_extract(
            if(storage_class = 'text', value, ''),
            '^(\d{4}-\d\d?-\d\d?[ T](?:[01]?\d|2[0-3]):\d\d?(?::[0-5]?\d(?:[.,]\d{1,12})?)?)'
            || '\s*(?:Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?$',
            ['clock_time', 'sign', 'hours', 'minutes']
        ) as parts,
        coalesce(try_cast(parts['hours'] as integer), 0) as offset_hours,
        coalesce(try_cast(parts['minutes'] as integer), 0) as offset_minutes
    from trimmed_values
)

select
    platform,
    copy_number,
    storage_class,
    value,
    try_cast(replace(parts['clock_time'], ',', '.') as timestamp)
    - if(parts['sign'] = '-', -1, 1) * (to_hours(offset_hours) + to_minutes(offset_minutes))
        as logged_in_at
from value_parts
