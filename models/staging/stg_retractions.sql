with retractions as (
    select * from {{ source('copies', 'retractions') }}
)

select
    platform,
    copy_id,
    taken_at,
    logins,
    retracted_at
from retractions
