-- No ref: the model retracted_copies itself depends on this one.
{{ columns_or_null('retracted_copies', {'platform': 'varchar', 'copy_id': 'varchar'}) }}
