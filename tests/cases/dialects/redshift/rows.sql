-- case: whole numbers
select 7 / 2, nvl(null, 1), decode(b, 2, 'two', 'other') from t where id = 1
--
3 | 1 | 'two'
-- case: nulls are the highest
select top 1 id from t order by a desc
--
3
-- case: texts
select concat('a', null), 'a' || null, len('é'), 'abc'::varchar(2), 'Ann' similar to 'A%'
--
null | null | 1 | 'ab' | true
-- case: every match is replaced
select regexp_replace('aXbX', 'X', '-'), regexp_substr('abc123', '[0-9]+'), regexp_count('aXbX', 'X')
--
'a-b-' | '123' | 2
-- case: dates
select datediff(day, '2024-01-31', '2024-02-01'), datediff(month, date '2024-01-31', date '2024-02-01'), to_char(d, 'YYYY-MM-DD') from t where id = 1
--
1 | 1 | '2024-01-31'
-- case: months after a last day
select add_months('2024-02-29', 1), dateadd(month, 1, '2024-02-28')
--
datetime 2024-03-31 00:00:00 | datetime 2024-03-28 00:00:00
-- case: weeks
select datediff(week, date '2024-01-07', date '2024-01-08')
--
warned: datediff(week, date '2024-01-07', date '2024-01-08')
1
-- case: types
select 0.1::float, '2'::decimal
--
0.1 | Decimal 2
-- case: aggregates and qualify
select listagg(s, ',') within group (order by s), approximate count(distinct b) from t
--
'Ann,bob' | 2
