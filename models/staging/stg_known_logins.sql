-- A view beside the copies: what is ephemeral and used twice DuckDB copies into memory.
{{ config(materialized='view', database='copies') }}
-- No ref: the model logins itself depends on this one.
{{ columns_or_null('logins', {
    'platform': 'varchar', 'logged_in_at': 'timestamp', 'ordinal': 'integer',
}) }}
