-- A ref would make a dependency cycle, because the model retracted_copies depends on this one.
{{ columns_or_null('retracted_copies', {'platform': 'varchar', 'copy_id': 'varchar'}) }}
