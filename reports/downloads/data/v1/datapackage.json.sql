-- A Data Package (https://specs.frictionlessdata.io): what each file of this folder holds.
with resources as (
    select
        mart as name,
        mart || '.csv' as path,
        mart_description as description,
        list({
            'name': column_name,
            'type': column_type,
            'description': column_description,
            'constraints': {'required': not is_nullable}
        } order by column_index) as fields
    from data_dictionary
    group by mart, mart_description
)

select json_object(
    'profile', 'tabular-data-package',
    'name', 'ethelred',
    'title', 'How many people log in to our platforms, day by day?',
    'resources', list({
        'profile': 'tabular-data-resource',
        'name': name,
        'path': path,
        'description': description,
        'encoding': 'utf-8',
        'schema': {'fields': fields}
    } order by name)
) as line
from resources
