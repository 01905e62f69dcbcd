with int_copy_evidence as (
    select * from {{ ref('int_copy_evidence') }}
),

-- If the third newest login is well after the date in the file's name, the date is wrong. If only
-- the newest one or two are, these are wrong. The same holds for the modification time.
believed_times as (
    select
        *,
        filename_date + interval ({{ var('newest_login_within_days_of_name') }}) day as name_limit,
        modified_at + interval ({{ var('source_clock_error_hours') }}) hour as mtime_limit,
        obtained_at + interval ({{ var('clock_tolerance_minutes') }}) minute as clock_limit,
        abs(date_diff('minute', filename_date, modified_at)) / 60 as hours_apart,
        if(newest_plausible_logins[-1] >= name_limit, null, filename_date) as believed_date,
        if(
            newest_plausible_logins[-1] >= mtime_limit
            or modified_at > clock_limit
            or modified_at > believed_date + interval ({{ var('filename_date_hours') }}) hour,
            null, modified_at
        ) as believed_mtime,
        least(
            timestamp 'infinity', if(believed_date is not null, name_limit, null),
            if(believed_mtime is not null, mtime_limit, null),
            if(modified_at is null and newest_plausible_logins[-1] < clock_limit, clock_limit, null)
        ) as login_limit,
        list_max(list_filter(newest_plausible_logins, lambda x: x < login_limit)) as newest_login_at
    from int_copy_evidence
)

select
    platform,
    copy_number,
    case
        when taken_at_override is not null then 'override'
        when
            believed_mtime + interval ({{ var('clock_tolerance_minutes') }}) minute
            >= coalesce(newest_login_at, believed_mtime) then 'mtime'
        when newest_login_at >= coalesce(believed_date, newest_login_at) then 'newest_login'
        when believed_date is not null then 'filename'
        else 'obtained'
    end as taken_at_source,
    case taken_at_source
        when 'override' then taken_at_override
        when 'mtime' then modified_at
        when 'newest_login' then newest_login_at
        when 'filename' then believed_date
        else obtained_at
    end as taken_at,
    sha256(content_sha256 || strftime(taken_at, ' %Y-%m-%d %H:%M:%S')) as copy_id,
    case taken_at_source
        when 'override' then null
        when 'mtime' then if(hours_apart > {{ var('filename_date_hours') }}, filename_date, null)
        else modified_at
    end as contradicting_at,
    -- Equal hashes show a repeated copy. But a new CSV equals the last one if nobody has logged in.
    if(kind = 'csv' and taken_at_source = 'mtime', null, content_sha256) as content_sha256,
    obtained_at
from believed_times
qualify row_number() over (partition by platform, copy_id order by copy_number) = 1
