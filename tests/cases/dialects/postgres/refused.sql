-- case: functions that nobody knows
select overlay(s placing 'X' from 2), width_bucket(a, 0, 10, 5) from t
-- case: an operator of JSON
select '{"a":1}'::jsonb ? 'a'
-- case: rows that are locked, and written
with gone as (delete from t returning id) select * from gone
-- case: the first rows, and those that equal the last of them
select id from t order by b fetch first 1 rows with ties
