{% macro columns_or_null(table, types) -%}
    {%- set found = adapter.get_relation(target.database, target.schema, table) if execute else none -%}
    {%- set present = adapter.get_columns_in_relation(found) | map(attribute='name') | list if found else [] -%}
    select
        {%- for column, type in types.items() %}
            {{ column if column in present else 'cast(null as ' ~ type ~ ') as ' ~ column -}}
            {{ '' if loop.last else ',' }}
        {%- endfor %}
    {{ 'from ' ~ found if found else 'where false' }}
{%- endmacro %}
