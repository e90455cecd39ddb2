-- case: numbers
select 7 / 2, 7 div 2, 7 / 0, round(2.5)
--
3.5 | 3 | null | Decimal 3
-- case: casts cut fractions off, and give null for what is none
select cast(2.7 as int), cast('1.7' as int), cast(x as int), cast(-1.9 as bigint), cast('abc' as int), cast(a as int) from t where id = 1
--
2 | 1 | 2 | -1 | null | 7
-- case: nulls are the lowest
select a from t order by a
--
null
-7
7
-- case: dates stay dates
select date_add(d, 1), date_sub(d, 1), add_months(d, 1), trunc(d, 'MM'), last_day(d) from t where id = 1
--
date 2024-02-01 | date 2024-01-30 | date 2024-02-29 | date 2024-01-01 | date 2024-01-31
-- case: times
select date_trunc('MM', ts), datediff('2024-02-01', '2024-01-31'), dayofweek(d), date_format(d, 'yyyy-MM-dd') from t where id = 1
--
datetime 2024-01-01 00:00:00 | 1 | 4 | '2024-01-31'
-- case: units that are complete
select timestampdiff(hour, timestamp '2024-01-01 00:59:00', timestamp '2024-01-01 01:01:00')
--
0
-- case: patterns
select regexp_extract('abc123', '([0-9]+)', 1), regexp_replace('abcb', '(b)', '<$1>'), 'abc' rlike 'b'
--
'123' | 'a<b>c<b>' | true
-- case: texts
select concat('a', null), substring('hello', 0, 2), initcap('ab cd'), locate('b', 'abc'), "dq"
--
null | 'he' | 'Ab Cd' | 2 | 'dq'
-- case: arrays begin at zero
select array(1, 2)[0], size(array(1, 2)), array_contains(array(1), 1), named_struct('a', 1).a
--
1 | 2 | true | 1
-- case: lateral views
select id, v from t lateral view explode(array(1, 2)) e as v where id = 1 order by v
--
1 | 1
1 | 2
-- case: positions of lateral views
select p, v from t lateral view posexplode(array('a', 'b')) e as p, v where id = 1 order by p
--
0 | 'a'
1 | 'b'
-- case: a list in rows
select explode(array(1, 2)) as e
--
1
2
-- case: what places rows on machines
select id from t distribute by a sort by id
--
1
2
3
-- case: decimals
select cast(2.5 as decimal)
--
Decimal 3
