with int_accepted_copies as (
    select * from {{ ref('int_accepted_copies') }}
),

int_classified_logins as (
    select * from {{ ref('int_classified_logins') }}
)

select int_classified_logins.*
from int_classified_logins
semi join int_accepted_copies using (platform, copy_id)
