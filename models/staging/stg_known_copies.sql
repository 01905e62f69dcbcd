-- A ref would make a dependency cycle, because the model copies depends on this one.
{{ columns_or_null('copies', {
    'platform': 'varchar', 'copy_id': 'varchar', 'taken_at': 'timestamp',
    'content_sha256': 'varchar', 'users': 'bigint', 'users_ever_logged_in': 'bigint',
    'latest_login_at': 'timestamp',
}) }}
