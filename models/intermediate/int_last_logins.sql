with last_logins as (
    select * from {{ ref('stg_last_logins') }}
),

trimmed as (
    select
        platform,
        copy_number,
        storage_class,
        trim(value) as value
    from last_logins
),

dated as (
    select
        *,
        storage_class = 'text'
        and regexp_full_match(
            value,
            '\d{4}-\d\d-\d\d[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?'
            || '(Z|[+-](0\d|1[0-4]):?[0-5]\d)?'
        ) as is_timestamp,
        regexp_matches(value, '(Z|[+-]\d\d:?\d\d)$') as has_offset
    from trimmed
)

select
    platform,
    copy_number,
    storage_class,
    value,
    case
        when is_timestamp
            then timezone('UTC', try_cast(if(has_offset, value, value || 'Z') as timestamptz))
    end as logged_in_at
from dated
