{% set fewest, less = var('min_doubtful_figure'), var('doubtful_share_gone') %}

with int_copy_figures as (
    select * from {{ ref('int_copy_figures') }}
),

kinds as (
    select
        *,
        unnest([
            {
                'doubt': 'rejected_values',
                'is_doubtful': rejected_logins >= {{ fewest }}
                and rejected_share >= {{ var('grave_share_rejected') }},
                'is_grave': true,
                'finding': format(
                    '{:,} of {:,} values could not be taken for a login',
                    rejected_logins, users_ever_logged_in
                )
            }, {
                'doubt': 'fewer_users',
                'is_doubtful': users_gone >= {{ fewest }} and users_gone_share >= {{ less }},
                -- Accounts that were never used may be deleted, which changes no number of logins.
                'is_grave': false,
                'finding': format('{:,} users, and {:,} in the copy before', users, users_before)
            }, {
                'doubt': 'fewer_users_ever_logged_in',
                'is_doubtful': logged_in_gone >= {{ fewest }}
                and logged_in_gone_share >= {{ less }},
                'is_grave': logged_in_gone_share >= {{ var('grave_share_gone') }},
                'finding': format(
                    '{:,} users with a login, and {:,} in the copy before',
                    users_ever_logged_in, users_ever_logged_in_before
                )
            }, {
                'doubt': 'repeated_content', 'is_doubtful': is_repeated,
                'is_grave': false, 'finding': 'its content is that of an earlier copy'
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
