-- case: functions that nobody knows
select codepoint(s), checksum(a) from t
-- case: patterns in rows
select * from t match_recognize (order by id measures a.id as x pattern (a b) define b as b.id > 1)
