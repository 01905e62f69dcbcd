with days_to_judge as (
    select * from {{ ref('days_to_judge') }}
),

usual_logins as (
    select * from {{ ref('usual_logins') }}
),

day_statistics as (
    select
        *,
        if(coverage = 'complete', logins, null) as complete_day_logins,
        if(
            count(complete_day_logins) over last_7_days = 7,
            avg(complete_day_logins) over last_7_days,
            null
        )
            as rolling_mean_7d,
        if(
            count(complete_day_logins) over last_28_days >= {{ var('min_days_in_28d_mean') }},
            avg(complete_day_logins) over last_28_days, null
        ) as rolling_mean_28d
    from days_to_judge
    window
        last_7_days as (partition by platform order by day rows 6 preceding),
        last_28_days as (partition by platform order by day rows 27 preceding)
)

select
    day_statistics.platform,
    day_statistics.day,
    day_statistics.logins,
    day_statistics.rolling_mean_7d,
    day_statistics.rolling_mean_28d,
    day_statistics.coverage,
    day_statistics.has_extra_copy,
    usual_logins.expected_low,
    usual_logins.expected_high,
    case
        when day_statistics.coverage != 'complete' or usual_logins.usual is null then 'not_known'
        when logins < expected_low then if(has_note, 'quiet_as_expected', 'lower')
        when logins > expected_high
            then if(has_note or has_extra_copy, 'busy_as_expected', 'higher')
        when logins = 0 then 'few_usual'  -- where few are usual, a day without any tells nothing
        else 'usual'
    end as verdict,
    case
        when day_statistics.coverage != 'complete' then 'partial'
        when expected_low is null then 'not_known'
        when verdict in ('lower', 'higher') then verdict
        when verdict in ('quiet_as_expected', 'busy_as_expected') then 'as_expected'
        when logins < expected_low + (expected_high - expected_low) / 3 then 'low'
        when logins <= expected_high - (expected_high - expected_low) / 3 then 'middle'
        else 'high'
    end as place_in_usual_range
from day_statistics
left join usual_logins using (platform, day)
order by day_statistics.platform, day_statistics.day
