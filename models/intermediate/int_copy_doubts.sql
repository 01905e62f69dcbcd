-- The runner reads this table from copies.duckdb. It stays out of the datastore, where a refused
-- copy must leave nothing.
{{ config(materialized='table', database='copies') }}

with int_login_doubts as (
    select * from {{ ref('int_login_doubts') }}
),

int_user_doubts as (
    select * from {{ ref('int_user_doubts') }}
),

int_retraction_doubts as (
    select * from {{ ref('int_retraction_doubts') }}
)

select * from int_login_doubts
union all
select * from int_user_doubts
union all
select * from int_retraction_doubts
