-- case: numbers
select 7 / 2, div(7, 2), mod(7, 2), safe_divide(1, 0), round(2.5)
--
3.5 | 3 | 1 | null | Decimal 3
-- case: nulls are the lowest
select a from t order by a
--
null
-7
7
-- case: differences count borders, weeks from Sundays or Mondays
select date_diff(date '2024-01-07', date '2024-01-06', week), date_diff(date '2024-01-08', date '2024-01-07', isoweek), date_diff(date '2024-02-01', date '2024-01-31', month)
--
1 | 1 | 1
-- case: dates stay dates
select date_add(d, interval 1 month), date_sub(d, interval 1 day), date_trunc(d, week), last_day(d) from t where id = 1
--
date 2024-02-29 | date 2024-01-30 | date 2024-01-28 | date 2024-01-31
-- case: a date that is cut
select date_trunc(d, month) from t where id = 1
--
warned: date_trunc(d, month)
datetime 2024-01-01 00:00:00
-- case: days of the week are counted from one
select extract(dayofweek from date '2024-01-07'), extract(isoweek from date '2024-01-01')
--
1 | 1
-- case: weeks are counted from Sundays
select extract(week from d) from t where id = 1
--
warned: extract(week from d)
5
-- case: formats
select format_date('%Y-%m', d), parse_date('%Y%m%d', '20240105') from t where id = 1
--
'2024-01' | date 2024-01-05
-- case: texts
select substr('hello', 0, 2), length('é'), byte_length('é'), strpos('abc', 'c'), initcap('ab cd'), concat('a', null)
--
'he' | 1 | 2 | 3 | 'Ab Cd' | null
-- case: patterns
select regexp_contains('abc', 'b'), regexp_extract('abc', 'a(b)'), regexp_replace('aXbX', r'X', '-')
--
true | 'b' | 'a-b-'
-- case: arrays and structs
select [1, 2][offset(0)], [1, 2][safe_offset(5)], array_length([1, 2]), struct(1 as a).a, array(select x from unnest([3, 1]) as x order by x)
--
1 | null | 2 | 1 | [1, 3]
-- case: offsets
select x, o from unnest(['p', 'q']) as x with offset as o order by o
--
warned: o
'p' | 1
'q' | 2
-- case: quotes
select `id`, "Ann" = s from `t` where id = 1
--
1 | true
-- case: except and qualify
select * except (x, n, ts, d) from t qualify row_number() over (partition by b order by id desc) = 1 order by id
--
2 | -7 | 2 | 'bob'
3 | null | 0 | null
-- case: casts that may fail
select safe_cast('x' as int64), cast('5' as int64), cast(1.239 as numeric)
--
null | 5 | Decimal 1.239000000
