select
    *,
    -- How a calendar shows the day: by its own usual range, so that a busy day makes no quiet one pale.
    case
        when coverage != 'complete' then 'partial'
        when expected_low is null then 'not_known'
        when logins < expected_low then 'lower'
        when logins > expected_high then 'higher'
        when logins < expected_low + (expected_high - expected_low) / 3 then 'low'
        when logins <= expected_high - (expected_high - expected_low) / 3 then 'middle'
        else 'high'
    end as shade
from logins_timeseries
