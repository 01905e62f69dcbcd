with stg_retractions as (
    select * from {{ ref('stg_retractions') }}
)

select
    platform,
    copy_id,
    taken_at,
    logins,
    retracted_at
from stg_retractions
{% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as known_retractions
        where
            known_retractions.platform = stg_retractions.platform
            and known_retractions.copy_id = stg_retractions.copy_id
            and known_retractions.retracted_at = stg_retractions.retracted_at
    )
{% endif %}
