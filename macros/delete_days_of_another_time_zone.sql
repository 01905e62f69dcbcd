{% macro delete_days_of_another_time_zone() -%}
    {% if is_incremental() %}
        alter table {{ this }} add column if not exists reporting_time_zone varchar;
        delete from {{ this }}
        where reporting_time_zone is distinct from '{{ var("reporting_time_zone") }}'
    {% endif %}
{%- endmacro %}
