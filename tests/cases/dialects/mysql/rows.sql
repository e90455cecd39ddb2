-- case: numbers
select 7 / 2, 7 div 2, -7 div 2, 7 / 0, mod(-7, 3), round(2.5)
--
3.5 | 3 | -3 | null | -1 | Decimal 3
-- case: nulls are the lowest
select a from t order by a
--
null
-7
7
-- case: texts
select concat('a', null), length('é'), char_length('é'), locate('b', 'abc'), group_concat(s order by s desc separator ';') from t
--
null | 2 | 1 | 2 | 'bob;Ann'
-- case: texts are compared ignoring case
select s = 'ann' from t where id = 1
--
warned: s = 'ann'
false
-- case: patterns ignore case, too
select 'abc' rlike 'B'
--
warned: 'abc' rlike 'B'
false
-- case: dates
select datediff('2024-02-01', '2024-01-31'), dayofweek('2024-01-07'), last_day(d), date_format(d, '%Y-%m'), str_to_date('05/01/2024', '%d/%m/%Y') from t where id = 1
--
1 | 1 | date 2024-01-31 | '2024-01' | date 2024-01-05
-- case: units that are complete
select timestampdiff(hour, '2024-01-01 00:59:00', '2024-01-01 01:01:00'), timestampdiff(day, '2024-01-01', '2024-01-03')
--
0 | 2
-- case: months that are complete
select timestampdiff(month, '2024-01-31', '2024-02-01')
--
warned: timestampdiff(month, '2024-01-31', '2024-02-01')
0
-- case: a date that days are added to
select date_add(d, interval 1 day) from t where id = 1
--
warned: date_add(d, interval 1 day)
datetime 2024-02-01 00:00:00
-- case: a date that is cast
select cast(date_add(d, interval 1 day) as date) from t where id = 1
--
date 2024-02-01
-- case: quotes and limits
select `id`, "x" from `t` order by `id` limit 1, 1
--
2 | 'x'
-- case: logic
select 1 xor 0, a <=> null, 5 ^ 3 from t where id = 3
--
true | true | 6
-- case: the table of one row
select 1 from dual
--
1
-- case: decimals
select cast(2.5 as decimal), cast(1.25 as decimal(3, 1))
--
Decimal 3 | Decimal 1.3
-- case: weeks
select week(d), weekofyear(d) from t where id = 1
--
warned: week(d)
5 | 5
