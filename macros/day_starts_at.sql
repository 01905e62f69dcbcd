{% macro day_starts_at(day) -%}
    timezone('UTC', timezone('{{ var("reporting_time_zone") }}', cast({{ day }} as timestamp)))
{%- endmacro %}
