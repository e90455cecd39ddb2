-- case: functions that nobody knows
select find_in_set('b', s), substring_index(s, '.', 2) from t
-- case: rows of totals
select a, count(*) from t group by a with rollup
-- case: a variable that is set
select @x := 1
-- case: rows written to a file
select * from t into outfile 'x.csv'
