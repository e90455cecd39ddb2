-- case: functions that nobody knows
select farm_fingerprint(s),
       ieee_divide(a, b) from t
-- case: an argument that DuckDB has nothing for
select instr(s, 'b', 1, 2) from t
-- case: a script
declare x int64 default 1
-- case: a name that is no table
select 1 from from
