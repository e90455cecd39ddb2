-- case: a table of unknown columns
select a from secret
-- case: a file with options
select * from read_csv('data/events.csv', header = true)
-- case: a value that a run gives
select a from t where a = $item
-- case: computed locations
select * from read_parquet(['a' || '.parquet'])
-- case: what the session holds
select database_name from duckdb_databases()
-- case: a mistake
select nope from t
-- case: bytes, which other parsers do not know
select x'41' as bytes, b from t
