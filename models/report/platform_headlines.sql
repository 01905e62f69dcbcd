with stg_platforms as (
    select * from {{ ref('stg_platforms') }}
),

collection_summary as (
    select * from {{ ref('collection_summary') }}
),

logins_summary as (
    select * from {{ ref('logins_summary') }}
),

active_users_summary as (
    select * from {{ ref('active_users_summary') }}
),

week_sentences as (
    select * from {{ ref('week_sentences') }}
),

last_weeks as (
    select
        platform,
        max_by(sentence, starts_on) as sentence_last_week,
        max_by(verdict, starts_on) as verdict_last_week
    from week_sentences
    group by platform
)

select
    stg_platforms.platform,
    stg_platforms.platform_name,
    stg_platforms.is_retired,
    stg_platforms.retired_on,
    collection_summary.* exclude (platform),
    active_users_summary.* exclude (platform),
    coalesce('Last full week, ' || last_weeks.sentence_last_week || ' ', '')
    || 'In the seven days to ' || strftime(collection_summary.newest_copy_on, '%A')
    || format('’s copy, {:,} ', active_users_summary.active_7d)
    || if(active_users_summary.active_7d = 1, 'person', 'people') || ' logged in.'
        as last_week_in_words,
    last_weeks.verdict_last_week,
    case
        when stg_platforms.is_retired then 4
        -- The platform's next copy was due before another platform's newest copy was taken.
        when collection_summary.stale_at <= max(collection_summary.newest_copy_at) over () then 1
        when logins_summary.is_silent then 1
        when last_weeks.verdict_last_week = 'lower' then 2
        when logins_summary.verdict in ('lower', 'higher') then 2
        else 3
    end as overview_rank,
    logins_summary.* exclude (platform)
from stg_platforms
inner join collection_summary using (platform)
inner join logins_summary using (platform)
inner join active_users_summary using (platform)
left join last_weeks using (platform)
order by stg_platforms.platform_name
