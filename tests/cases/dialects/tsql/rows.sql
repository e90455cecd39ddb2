-- case: whole numbers
select 7 / 2, 7 % 3, isnull(null, 1), iif(a > 0, 1, 2), cast(a as float) / 2 from t where id = 1
--
3 | 1 | 1 | 1 | 3.5
-- case: casts cut
select cast(1.7 as int), convert(int, 1.7), cast('abcdef' as varchar(3)), convert(varchar(10), d, 120) from t where id = 1
--
1 | 1 | 'abc' | '2024-01-31'
-- case: types
select cast(1 as bit), cast(1.5 as money), cast(1.5 as decimal), cast(0.1 as float) + cast(0.2 as float)
--
true | Decimal 1.5000 | Decimal 2 | 0.30000000000000004
-- case: nulls are the lowest
select a from t order by a
--
null
-7
7
-- case: texts
select 'a' + 'b', s + 'x', concat('a', null), len('a '), stuff('abc', 1, 1, 'z'), charindex('b', 'abc') from t where id = 1
--
'ab' | 'Annx' | 'a' | 1 | 'zbc' | 2
-- case: texts are compared ignoring case
select [id] from t where s = 'ann'
--
warned: s = 'ann'
-- case: classes in like
select id from t where s like '[0-9]%'
--
warned: s like '[0-9]%'
-- case: differences count borders, weeks from Sundays
select datediff(day, '2024-01-31', '2024-02-01'), datediff(week, '2024-01-06', '2024-01-07'), datediff(week, '2024-01-07', '2024-01-08')
--
1 | 1 | 0
-- case: days of the week are counted from one
select datepart(weekday, d), eomonth(d), datefromparts(2024, 1, 5) from t where id = 1
--
4 | date 2024-01-31 | date 2024-01-05
-- case: applied
select t.id, q.z from t cross apply (select t.a * 2 as z where t.a > 0) q order by 1
--
1 | 14
-- case: applied, and kept
select t.id, q.z from t outer apply (select t.a * 2 as z where t.a > 0) q order by 1
--
1 | 14
2 | null
3 | null
-- case: the first rows
select top 1 [id], s as [my col] from t with (nolock) order by id desc
--
3 | null
-- case: a part of the rows
select top (100) percent id from t
--
warned: 100
1
2
3
