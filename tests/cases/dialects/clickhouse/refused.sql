-- case: functions that nobody knows
select toYear(d), groupArray(s) from t
-- case: the last of each key
select id from t final
-- case: limits by key
select id from t order by id limit 1 by b
-- case: rows of totals
select b, sum(a) from t group by b with totals
-- case: joins with arrays
select s, x from t array join [1, 2] as x
-- case: a part of the rows
select id from t sample 0.1
-- case: settings may change what is meant
select id from t settings join_use_nulls = 1
