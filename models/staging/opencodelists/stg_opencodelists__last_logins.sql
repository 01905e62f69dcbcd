with users as (
    select * from {{ source('opencodelists', 'opencodelists_user') }}
)

select
    'opencodelists' as platform,
    copy_number,
    last_login,
    storage_class
from users
