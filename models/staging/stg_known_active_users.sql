-- A ref would make a dependency cycle, because the model active_users depends on this one.
{{ columns_or_null('active_users', {
    'platform': 'varchar', 'copy_id': 'varchar', 'active_7d': 'bigint',
}) }}
