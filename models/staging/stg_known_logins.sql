-- A view in the file of the copies, because DuckDB copies an ephemeral model into memory if it is
-- used twice.
{{ config(materialized='view', database='copies') }}
-- A ref would be a circle, because the model logins depends on this one.
{{ columns_or_null('logins', {
    'platform': 'varchar', 'logged_in_at': 'timestamp', 'ordinal': 'integer',
}) }}
