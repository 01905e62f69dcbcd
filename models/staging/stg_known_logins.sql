-- A view in copies.duckdb, because DuckDB copies an ephemeral model into memory if used twice.
{{ config(materialized='view', database='copies') }}
-- A ref would make a dependency cycle, because the model logins depends on this one.
{{ columns_or_null('logins', {
    'platform': 'varchar', 'logged_in_at': 'timestamp', 'ordinal': 'integer',
}) }}
