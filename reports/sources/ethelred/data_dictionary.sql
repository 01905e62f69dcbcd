-- The descriptions of the published marts, which dbt stores in the datastore as comments.
select
    published.mart,
    trim(duckdb_tables.comment, e'\n') as mart_description,
    duckdb_columns.column_name,
    duckdb_columns.column_index,
    duckdb_columns.comment as column_description,
    duckdb_columns.is_nullable,
    case duckdb_columns.data_type
        when 'VARCHAR' then 'string'
        when 'DATE' then 'date'
        when 'TIMESTAMP' then 'datetime'
        when 'BOOLEAN' then 'boolean'
        when 'DOUBLE' then 'number'
        else 'integer'
    end as column_type
from published
inner join duckdb_tables() on published.mart = duckdb_tables.table_name
inner join duckdb_columns() using (database_name, table_name)
order by published.mart, duckdb_columns.column_index
