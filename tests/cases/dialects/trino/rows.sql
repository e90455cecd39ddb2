-- case: whole numbers
select 7 / 2, 7.0 / 2, 7 % 3, try(1 / 0), if(true, 1, 2)
--
3 | 3.5 | 1 | null | 1
-- case: nulls are last
select a from t order by a desc
--
7
-7
null
-- case: decimals have the digits that are written
select decimal '1.50', cast('1.50' as decimal), cast(1.25 as decimal(3, 1))
--
Decimal 1.50 | Decimal 2 | Decimal 1.3
-- case: units that are complete
select date_diff('day', timestamp '2024-01-31 23:00:00', timestamp '2024-02-01 01:00:00'), date_diff('month', date '2024-01-31', date '2024-02-28'), date_diff('week', date '2024-01-01', date '2024-01-14')
--
0 | 0 | 1
-- case: a date that is cut
select date_trunc('month', d) from t where id = 1
--
warned: date_trunc('month', d)
datetime 2024-01-01 00:00:00
-- case: dates
select date_add('hour', 1, ts), date_format(ts, '%Y-%m-%d'), day_of_week(d) from t where id = 1
--
datetime 2024-01-31 14:45:10 | '2024-01-31' | 3
-- case: patterns
select regexp_like('abc', 'b'), regexp_replace('aXbX', 'X', '-'), regexp_replace('abcb', '(b)', '<$1>'), regexp_extract('abc', 'a(b)', 1)
--
true | 'a-b-' | 'a<b>c<b>' | 'b'
-- case: arrays begin at one
select element_at(array[1, 2], 1), array[1, 2][1], cardinality(array[1, 2]), contains(array[1], 1), transform(array[1, 2], x -> x + 1), array_join(array['a', 'b'], '-')
--
1 | 1 | 2 | true | [2, 3] | 'a-b'
-- case: unnested with positions
select u, o from unnest(array['a', 'b']) with ordinality as q(u, o) order by o
--
'a' | 1
'b' | 2
-- case: texts
select substr('hello', -3, 2), strpos('abc', 'b'), split('a,b', ','), cast('abc' as varchar(2))
--
'll' | 2 | ['a', 'b'] | 'ab'
-- case: from the zeroth character
select substring('hello', 0)
--
warned: substring('hello', 0)
'hello'
-- case: aggregates
select approx_distinct(b), max_by(s, id), arbitrary(id) is null, count_if(a > 0) from t where s is not null
--
1 | 'bob' | false | 1
