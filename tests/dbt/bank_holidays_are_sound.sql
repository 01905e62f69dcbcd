with bank_holidays as (
    select
        *,
        concat_ws(',', day, name) as line
    from {{ ref('bank_holidays') }}
)

-- An error rather than a count of rows: it says which row is meant.
select line
from bank_holidays
where
    (try_cast(day as date) is null or length(day) != 10 or coalesce(trim(name), '') = '')
    and cast(
        error('seeds/bank_holidays.csv: no date like 2026-11-22, or no name, in the row: ' || line)
        as boolean
    )
