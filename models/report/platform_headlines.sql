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

logins_per_period as (
    select * from {{ ref('logins_per_period') }}
),

last_weeks as (
    select
        platform,
        max_by(verdict, starts_on) as verdict_last_week
    from logins_per_period
    where period_type = 'week'
    group by platform
),

newest_active_users as (
    select *
    from active_users
    qualify row_number() over (partition by platform order by taken_at desc) = 1
)

select
    platforms.platform,
    platforms.platform_name,
    collection_summary.* exclude (platform),
    newest_active_users.active_7d,
    newest_active_users.active_28d,
    last_weeks.verdict_last_week,
    logins_summary.* exclude (platform)
from platforms
inner join collection_summary using (platform)
inner join logins_summary using (platform)
inner join newest_active_users using (platform)
left join last_weeks using (platform)
order by platforms.platform_name
