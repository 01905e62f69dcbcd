-- No ref: the model logins itself depends on this one.
{{ columns_of_history('logins', {
    'platform': 'varchar', 'logged_in_at': 'timestamp', 'ordinal': 'integer',
}) }}
