with int_obtained_copies as (
    select * from {{ ref('int_obtained_copies') }}
),

int_last_logins as (
    select * from {{ ref('int_last_logins') }}
)

select
    int_obtained_copies.platform,
    int_obtained_copies.copy_id,
    int_obtained_copies.taken_at,
    int_last_logins.logged_in_at,
    case
        when int_last_logins.storage_class = 'null' then 'never_logged_in'
        when int_last_logins.logged_in_at = timestamp 'epoch' then 'never_logged_in'
        when int_last_logins.value = '1970-01-01' then 'never_logged_in'
        when int_last_logins.value like '0000-00-00%' then 'never_logged_in'
        when int_last_logins.logged_in_at is null
            then if(int_last_logins.storage_class = 'text', 'not_a_timestamp', 'not_text')
        when int_last_logins.logged_in_at < timestamp '{{ var('earliest_plausible_login') }}'
            then 'before_2000'
        when
            int_last_logins.logged_in_at
            > int_obtained_copies.taken_at + interval ({{ var('clock_tolerance_minutes') }}) minute
            then 'after_copy'
        else 'login'
    end as login_status,
    int_last_logins.storage_class || ' ' || regexp_replace(
        regexp_replace(
            regexp_replace(
                left(int_last_logins.value, {{ var('value_shape_characters') }}), '\d', '9', 'g'
            ),
            '\p{L}', 'a', 'g'
        ),
        '[^9a :.+-]', '?', 'g'
    ) as value_shape
from int_obtained_copies
inner join int_last_logins using (platform, copy_number)
