{% set fewest, half = var('min_doubtful_figure'), var('grave_share_of_older_logins') %}

with int_copy_figures as (
    select * from {{ ref('int_copy_figures') }}
),

kinds as (
    select
        *,
        unnest([
            {
                'doubt': 'older_logins', 'is_doubtful': older_logins >= {{ fewest }},
                'is_grave': older_share >= {{ half }},
                'finding': format(
                    '{:,} of {:,} new logins are older than the copy before',
                    older_logins, new_logins
                )
            }, {
                'doubt': 'cut_logins', 'is_doubtful': cut_logins >= {{ fewest }},
                'is_grave': cut_share >= {{ half }},
                'finding': format(
                    '{:,} of {:,} new logins seem to be known ones, cut or rounded',
                    cut_logins, new_logins
                )
            }, {
                'doubt': 'logins_at_once',
                'is_doubtful': logins_at_once >= {{ var('doubtful_logins_at_once') }},
                'is_grave': true,
                'finding': format('{:,} new logins are within one second', logins_at_once)
            }, {
                'doubt': 'many_new_logins', 'is_doubtful': new_logins >= many_logins_threshold,
                'is_grave': false,
                'finding': format(
                    '{:,} new logins, where {:,.0f} are usual',
                    new_logins, usual_logins
                )
            }, {
                'doubt': 'fewer_recent_users',
                'is_doubtful': recent_users_gone >= {{ fewest }}
                and recent_share_gone >= {{ var('doubtful_share_of_recent_gone') }},
                'is_grave': recent_share_gone >= {{ var('grave_share_gone') }},
                'finding': format(
                    '{:,} users with a login since a week before the copy before, which had {:,}',
                    recent_users, active_7d_before
                )
            }
        ], recursive := true)
    from int_copy_figures
)

select
    platform,
    copy_number,
    copy_id,
    taken_at,
    doubt,
    is_grave,
    finding
from kinds
where is_doubtful
