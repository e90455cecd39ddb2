-- case: a function that nobody knows
select id,
  frobnicate(s) as f
from t
-- case: a function that DuckDB has nothing for
select to_char(d, 'YYYY') from t
-- case: a function that sqlglot says has no counterpart
select parse_ip(s, 'INET') from t
-- case: two mistakes at once
select frobnicate(s), regexp_instr(s, 'a'), twiddle(1) from t
-- case: a clause that DuckDB does not read
select f.value from t x, lateral flatten(input => x.s) f
-- case: a word is missing
select id, from where
-- case: a bracket is never closed
select (id from t
-- case: a text is never closed
select 'a from t
-- case: a comment is never closed
select 1 /* a
-- case: two queries
select 1; select 2
-- case: no query
-- nothing
-- case: not a query
create table x as select 1
-- case: a stage
select $1 from @stage/file.csv
