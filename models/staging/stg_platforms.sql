-- A fork's seed may lack columns that were added later.
-- depends_on: {{ ref('platforms') }}
with platforms as (
    {{ columns_or_null('platforms', {
        'platform': 'varchar', 'platform_name': 'varchar', 'login_format': 'varchar',
        'retired_on': 'date',
    }) }}
)

select
    platform,
    platform_name,
    login_format,
    retired_on,
    coalesce(retired_on <= current_date, false) as is_retired
from platforms
