with platforms as (
    select * from {{ ref('platforms') }}
),

collection_summary as (
    select * from {{ ref('collection_summary') }}
),

logins_summary as (
    select * from {{ ref('logins_summary') }}
),

active_users as (
    select * from {{ ref('active_users') }}
),

newest_users as (
    select *
    from active_users
    qualify row_number() over (partition by platform order by taken_at desc) = 1
)

select
    platforms.platform,
    platforms.platform_name,
    collection_summary.* exclude (platform),
    newest_users.active_7d,
    newest_users.active_28d,
    logins_summary.* exclude (platform)
from platforms
inner join collection_summary using (platform)
inner join logins_summary using (platform)
inner join newest_users using (platform)
order by platforms.platform_name
