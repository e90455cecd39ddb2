-- case: whole numbers
select 7 / 2, -7 / 2, 7.0 / 2, count(*) / 2 from t
--
3 | -3 | 3.5 | 1
-- case: columns that may be whole
select a / b from t where id = 1
--
warned: a / b
3.5
-- case: columns that are said to be whole
select a::int / b::int, a / b::float8 from t where id = 1
--
3 | 3.5
-- case: nulls are the highest
select a from t order by a desc
--
null
7
-7
-- case: texts
select concat('a', null), 'a' || null, left('abc', -1), substring('abc' from 2 for 1), 'abc'::varchar(2), initcap('ab cd')
--
'a' | null | 'ab' | 'b' | 'ab' | 'Ab Cd'
-- case: a text that is padded
select 'x'::char(3)
--
warned: 'x'::char(3)
'x'
-- case: patterns
select s ~ '^A', s ~* '^a', regexp_replace('aXbX', 'X', '-'), regexp_replace('aXbX', 'X', '-', 'g') from t where id = 1
--
true | true | 'a-bX' | 'a-b-'
-- case: similar to has the wildcards of like
select 'Ann' similar to 'A%', 'a.c' similar to 'a.c', 'abc' similar to 'a.c', 'b' similar to '(a|b)', 'é' similar to '_'
--
true | true | false | true | true
-- case: what RE2 does not know
select regexp_replace('ab', '(x)\1', '-')
--
warned: regexp_replace('ab', '(x)\1', '-')
fails
-- case: dates
select d + 1, d - date '2024-01-01', extract(dow from d), to_char(d, 'YYYY-MM-DD'), make_date(2024, 1, 5) from t where id = 1
--
date 2024-02-01 | 30 | 3 | '2024-01-31' | date 2024-01-05
-- case: a numeric of its own scale
select '1.23456'::numeric, 1.5::numeric
--
warned: '1.23456'
Decimal 1.235 | Decimal 1.500
-- case: distinct on, filter and arrays
select distinct on (b) b, id from t order by b, id desc
--
0 | 3
2 | 2
-- case: aggregates
select count(*) filter (where a > 0), string_agg(s, ',' order by s desc), percentile_cont(0.5) within group (order by a) from t
--
1 | 'bob,Ann' | 0.0
-- case: names without quotes are of one case
select "ID" from (select 1 as "ID", id as z from t where ID = 1) as q
--
warned: id
1
-- case: a function that only shares its name
select hash(1) is null
--
warned: hash(1)
false
-- case: functions that DuckDB has from PostgreSQL
select age(date '2024-03-01', date '2024-01-31') is null, factorial(5), gcd(4, 6), lcm(4, 6), concat_ws('-', 'a', null, 'b'), regexp_split_to_array('a1b', '[0-9]'), isfinite(current_date), unnest(array[3])
--
false | 120 | 2 | 12 | 'a-b' | ['a', 'b'] | true | 3
