with int_copies as (
    select * from {{ ref('int_copies') }}
),

int_obtained_logins as (
    select * from {{ ref('int_obtained_logins') }}
)

select int_obtained_logins.*
from int_obtained_logins
semi join int_copies using (platform, copy_id)
