-- If a platform needs a rule of its own, add a `case` or a `where` on its `platform` here.
with last_logins as (
    select * from {{ source('copies', 'last_logins') }}
)

select
    platform,
    copy_number,
    storage_class,
    value
from last_logins
