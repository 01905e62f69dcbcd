-- A table in the file of the copies, because the runner reads it and a refused copy must leave
-- nothing in the datastore.
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
