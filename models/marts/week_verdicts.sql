with days_to_judge as (
    select * from {{ ref('days_to_judge') }}
),

usual_logins as (
    select * from {{ ref('usual_logins') }}
),

-- The logins of days that aren't ordinary are added to both ends of the range, so that these days
-- don't affect the verdict.
weeks as (
    select
        platform,
        cast(date_trunc('week', day) as date) as starts_on,
        sum(logins) as logins,
        coalesce(sum(logins) filter (where ordinary_logins is null), 0) as other_logins,
        sum(usual) filter (where ordinary_logins is not null) as usual_in_week,
        sum(power(standard_deviation, 2)) filter (where ordinary_logins is not null)
            as daily_variance,
        sqrt(greatest(usual_in_week, 1)) as usual_root,
        sqrt(daily_variance + power({{ var('min_weekly_spread') }} * usual_in_week, 2))
        / (2 * usual_root) as root_standard_deviation
    from days_to_judge
    inner join usual_logins using (platform, day)
    where coverage = 'complete'
    group by platform, starts_on
    having count(*) = 7 and count(ordinary_logins) > 0
)

select
    platform,
    starts_on,
    cast(other_logins + ceil(power(
        greatest(0, usual_root - {{ var('week_standard_deviations') }} * root_standard_deviation), 2
    )) as bigint) as expected_low,
    cast(other_logins + floor(power(
        usual_root + {{ var('week_standard_deviations') }} * root_standard_deviation, 2
    )) as bigint) as expected_high,
    case
        when logins < expected_low then 'lower'
        when logins > expected_high then 'higher'
        when logins = 0 then 'few_usual'
        else 'usual'
    end as verdict
from weeks
order by platform, starts_on
