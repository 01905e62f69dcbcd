with users as (
    select * from {{ source('demo_workbench', 'opencodelists_user') }}
)

select
    'demo_workbench' as platform,
    copy_number,
    last_login,
    storage_class
from users
