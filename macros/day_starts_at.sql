{% macro day_starts_at(day) -%}
    {%- set midnight = (
        "timezone('UTC', timezone('" ~ var("reporting_time_zone") ~ "', cast(" ~ day ~ " as timestamp)))"
    ) -%}
    -- Where clocks go back at midnight it comes twice: DuckDB takes the second.
    if(
        {{ reporting_day(midnight ~ ' - interval 1 hour') }} >= cast({{ day }} as date),
        {{ midnight }} - interval 1 hour, {{ midnight }}
    )
{%- endmacro %}
