with collection_gaps as (
    select * from {{ ref('collection_gaps') }}
),

collection_summary as (
    select * from {{ ref('collection_summary') }}
)

select
    platform,
    'missed_nights' as kind,
    last_missed_on as happened_on,
    'Nights were missed' as headline,
    nights_missed || if(nights_missed = 1, ' night, ', ' nights, from ')
    || strftime(first_missed_on, '%-d %B %Y')
    || if(nights_missed = 1, '', ' to ' || strftime(last_missed_on, '%-d %B %Y'))
    || ': logins of these days are a lower limit.' as text
from collection_gaps
union all
select
    platform,
    'old_data' as kind,
    {{ reporting_day('stale_at') }} as happened_on,
    'No new copy has arrived' as headline,
    'The newest copy was taken on ' || strftime(newest_copy_on, '%-d %B %Y')
    || '. Later days are missing.' as text
from collection_summary
where stale_at < timezone('UTC', now())
