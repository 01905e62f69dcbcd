{% macro day_starts_at(day) -%}
    {%- set midnight = (
        "timezone('UTC', timezone('" ~ var("reporting_time_zone") ~ "', cast(" ~ day ~ " as timestamp)))"
    ) -%}
    -- If clocks go back at midnight, DuckDB takes the second of the two midnights.
    if(
        {{ reporting_day(midnight ~ ' - interval 1 hour') }} >= cast({{ day }} as date),
        {{ midnight }} - interval 1 hour, {{ midnight }}
    )
{%- endmacro %}
