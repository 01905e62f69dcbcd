with platforms as (
    select * from {{ ref('platforms') }}
),

collection as (
    select * from {{ ref('int_collection') }}
),

figures as (
    select * from {{ ref('int_platform_figures') }}
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
    collection.copies,
    collection.first_copy_on,
    collection.newest_copy_on,
    collection.newest_copy_at,
    collection.rejected_logins,
    newest_users.active_7d,
    newest_users.active_28d,
    figures.* exclude (platform),
    case
        when figures.coverage_on_last_finished_day != 'complete' then 'not_known'
        when figures.expected_low is null then 'not_known'
        when figures.logins_on_last_finished_day < figures.expected_low then 'lower'
        when figures.logins_on_last_finished_day > figures.expected_high then 'higher'
        else 'usual'
    end as verdict,
    case
        when figures.complete_days_last_7d = 7 and figures.complete_days_previous_7d = 7
            then figures.logins_last_7d / nullif(figures.logins_previous_7d, 0) - 1
    end as change_7d,
    case
        when figures.complete_days_last_28d = 28 and figures.complete_days_previous_28d = 28
            then figures.logins_last_28d / nullif(figures.logins_previous_28d, 0) - 1
    end as change_28d
from platforms
inner join collection using (platform)
inner join figures using (platform)
inner join newest_users using (platform)
order by platforms.platform_name
