-- case: numbers
select 7 / 2, if(a > 0, 1, 2), count() over () from t where id = 1
--
3.5 | 1 | 1
-- case: nulls are last
select a from t order by a desc
--
7
-7
null
-- case: filters before others
select id from t prewhere id < 3 where a > 0
--
1
-- case: a filter before others alone
select 1 as one from t prewhere id = 1
--
1
-- case: joins fill with defaults
select t.id, q.id from t left join t as q on t.id = q.id and q.id = 1 order by t.id
--
warned: t as q on t.id = q.id and q.id = 1
1 | 1
2 | null
3 | null
-- case: casts cut fractions off
select cast(1.7 as Int32), cast(x as Int64) from t where id = 1
--
1 | 2
-- case: arrays begin at one
select [1, 2][1], arrayMap(x -> x + 1, [1, 2]), has([1], 1)
--
1 | [2, 3] | true
-- case: dates
select dateDiff('week', cast('2024-01-07' as Date), cast('2024-01-08' as Date)), dateDiff('month', cast('2024-01-31' as Date), cast('2024-02-01' as Date))
--
1 | 1
-- case: joins that fill nothing
select id from t left semi join t as q using (id) order by id
--
1
2
3
