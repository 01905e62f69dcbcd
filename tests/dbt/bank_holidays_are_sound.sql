with bank_holidays as (
    select * from {{ ref('bank_holidays') }}
),

faulty as (
    select concat_ws(',', day, name) as line
    from bank_holidays
    where try_cast(day as date) is null or length(day) != 10 or coalesce(trim(name), '') = ''
)

select error('seeds/bank_holidays.csv: no date like 2026-11-22, or no name, in the row: ' || line)
from faulty
