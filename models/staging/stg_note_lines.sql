-- These files aren't dbt seeds, because one bad byte or an extra comma would end the run.
{% set seeds = env_var('ETHELRED_SEEDS', '') or 'seeds' %}
{% set folder = invocation_args_dict.project_dir ~ '/' ~ seeds %}

with note_files as (
    select
        regexp_extract(filename, '(\w+)\.csv$', 1) as file,
        ltrim(try(decode(content)), chr(65279)) as content
    from read_blob(['{{ folder }}/annotations.csv', '{{ folder }}/bank_holidays.csv'])
)

select
    file,
    unnest(if(content is null, [null], string_split_regex(content, '\r?\n')[2:])) as line
from note_files
