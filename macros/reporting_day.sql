{% macro reporting_day(timestamp_utc) -%}
    cast(timezone('{{ var("reporting_time_zone") }}', timezone('UTC', {{ timestamp_utc }})) as date)
{%- endmacro %}
