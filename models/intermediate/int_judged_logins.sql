with copies as (
    select * from {{ ref('int_copies') }}
),

last_logins as (
    select * from {{ ref('int_last_logins') }}
)

select
    copies.platform,
    copies.copy_id,
    copies.taken_at,
    last_logins.logged_in_at,
    case
        when last_logins.storage_class = 'null' then 'never_logged_in'
        when last_logins.storage_class != 'text' then 'not_text'
        when last_logins.logged_in_at is null then 'not_a_timestamp'
        when last_logins.logged_in_at < timestamp '{{ var('earliest_plausible_login') }}'
            then 'before_2000'
        when
            last_logins.logged_in_at
            > copies.taken_at + interval ({{ var('clock_tolerance_minutes') }}) minute
            then 'after_copy'
        else 'login'
    end as judgement,
    last_logins.storage_class || ' ' || regexp_replace(
        regexp_replace(
            regexp_replace(
                left(last_logins.value, {{ var('value_shape_characters') }}), '\d', '9', 'g'
            ),
            '\p{L}', 'a', 'g'
        ),
        '[^9a :.+-]', '?', 'g'
    ) as value_shape
from copies
inner join last_logins using (platform, copy_number)
