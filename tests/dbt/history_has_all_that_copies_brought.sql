with brought as (
    select
        sum(new_logins) as logins,
        sum(rejected_logins) as rejected_logins
    from {{ ref('copies') }}
),

held as (
    select
        (select count(*) from {{ ref('logins') }}) as logins,
        (select count(*) from {{ ref('rejected_logins') }}) as rejected_logins
)

select
    held.logins,
    brought.logins as logins_brought
from held
cross join brought
where held.logins < brought.logins or held.rejected_logins < brought.rejected_logins
