-- case: choices and nulls
select iff(a > 0, 'p', 'n'), nvl(s, 'none'), nvl2(s, 1, 2), zeroifnull(a), decode(b, 2, 'two', 0, 'zero') from t order by id
--
'p' | 'Ann' | 1 | 7 | 'two'
'n' | 'bob' | 1 | -7 | 'two'
'n' | 'none' | 2 | 0 | 'zero'
-- case: nulls are the highest
select a from t order by a desc
--
null
7
-7
-- case: division has a fraction, and rows that div0 saves
select 7 / 2, div0(7, 0)
--
3.5 | 0.0
-- case: differences count borders, weeks from Mondays
select datediff(month, '2024-01-31'::date, '2024-02-01'::date), datediff(week, '2024-01-07'::date, '2024-01-08'::date), datediff(week, '2024-01-06'::date, '2024-01-07'::date)
--
1 | 1 | 0
-- case: a date that days are added to
select dateadd(day, 1, d) from t where id = 1
--
warned: dateadd(day, 1, d)
datetime 2024-02-01 00:00:00
-- case: hours make a timestamp of a date in both
select dateadd(hour, 1, d) from t where id = 1
--
datetime 2024-01-31 01:00:00
-- case: months after a last day end on a last day
select add_months('2024-02-29'::date, 1)
--
date 2024-03-31
-- case: a pattern has to fit the whole text
select regexp_like('abc', 'b'), regexp_like('abc', 'a.c'), regexp_substr('abc123def', '[0-9]+'), regexp_replace('aXbX', 'X', '-')
--
false | true | '123' | 'a-b-'
-- case: texts
select split_part('a,b,c', ',', -1), charindex('b', 'abc'), substr('hello', -3, 2), len('é'), contains('abc', 'b'), 'a' || null
--
'c' | 2 | 'll' | 1 | true | null
-- case: paths into JSON
select parse_json('{"a": {"b": [1, 2]}}'):a.b[1]::int as v, parse_json('{"a": "x"}'):a::string as w
--
2 | 'x'
-- case: a key in brackets keeps its quotes
select v['a']::string from (select parse_json('{"a": "x"}') as v)
--
warned: v['a']
'"x"'
-- case: qualify, exclude and lists
select * exclude (x, n, ts, d) from t qualify row_number() over (partition by b order by id desc) = 1 order by id
--
2 | -7 | 2 | 'bob'
3 | null | 0 | null
-- case: aggregates
select listagg(s, ',') within group (order by s desc), array_agg(s) within group (order by s), count_if(a > 0) from t
--
'bob,Ann' | ['Ann', 'bob'] | 1
-- case: a number is whole
select '12'::number, 1.7::number
--
Decimal 12 | Decimal 2
-- case: a function that only shares its name
select hash(1) is null
--
warned: hash(1)
false
-- case: names of one spelling
select "a" from (select 1 as "a", a as z from t where id = 1)
--
warned: a
1
-- case: a text that is too long
select 'abc'::varchar(2)
--
warned: 'abc'::varchar(2)
'abc'
