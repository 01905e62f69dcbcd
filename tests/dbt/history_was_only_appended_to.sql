-- A lake shows what was deleted, replaced or dropped until its snapshots expire (docs/scale.md).
-- depends_on: {{ ref('copies') }}
{{ config(enabled=target.name == 'lake') }}
{% set tables = [
    'logins', 'copies', 'active_users', 'rejected_logins', 'doubted_copies', 'retracted_copies'
] %}

select table_name
from __ducklake_metadata_lake.ducklake_table
where
    end_snapshot is not null
    and list_contains({{ tables }}, table_name)
{% for table in tables %}
    union all
    select '{{ table }}' as table_name
    from ducklake_table_deletions('lake', 'main', '{{ table }}', timestamptz 'epoch', now())
{% endfor %}
