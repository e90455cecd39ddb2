-- case: equal
select i from t where s = 'x'
-- case: between
select i from t where n between 1 and 5
-- case: in
select i from t where i in (1, 3)
-- case: in texts
select i from t where s in ('x', 'y')
-- case: not in
select i from t where s not in ('x', 'y')
-- case: or
select i from t where s = 'x' or n > 2
-- case: not
select i from t where not (s = 'x' and i > 1)
-- case: is null
select i from t where s is null
-- case: is not null
select i from t where s is not null
-- case: is distinct
select i from t where s is distinct from 'x'
-- case: is true
select i from t where o
-- case: is not true
select i from t where not o
-- case: like
select i from t where s like 'x%'
-- case: like anywhere
select i from t where s like '%y%'
-- case: ilike
select i from t where s ilike 'X%'
-- case: functions
select i from t where length(trim(s)) > 1 and upper(s) <> 'XY'
-- case: decimals
select i from t where e > 1.5
-- case: decimals and whole numbers
select i from t where e >= 2
-- case: floats
select i from t where f < 2.5
-- case: two columns
select s from t where i < n
-- case: dates
select i from t where d = date '2020-01-01' and m < timestamp '2020-06-01 10:00:00'
-- case: a year
select i from t where year(d) = 2020
-- case: coalesce
select i from t where coalesce(s, 'x') = 'x'
-- case: a case
select i from t where case when i > 1 then s = 'x' else n = 2 end
-- case: a cast that may fail
select i from t where s::integer > 1 and n = 2
-- case: arithmetic that may fail
select i from t where i + 1 > 2 and s = 'x'
-- case: a text with quotes
select i from t where s = 'it''s'
-- case: a condition on the join's other side
select t.i, u.s from t join u on t.i = u.i where u.i > 1
-- case: a condition in a left join
select t.i, u.s from t left join u on t.i = u.i and u.s = 'x'
-- case: a filter above a left join
select t.i, u.s from t left join u on t.i = u.i where u.s is null
-- case: a filter above a left join that makes it an inner one
select t.i, u.s from t left join u on t.i = u.i where u.s = 'x'
-- case: a filter above a full join
select t.i, u.s from t full join u on t.i = u.i where t.s = 'x'
-- case: a filter above groups
select s, count(*) as k from t group by s having s = 'x'
-- case: a filter above counts
select s, count(*) as k from t group by s having count(*) > 1
-- case: a filter above a window
select * from (select i, s, row_number() over (partition by s order by i) as r from t) where r = 1 and s = 'x'
-- case: a filter above a limit
select * from (select i, s from t order by i, s limit 3) where i > 1
-- case: a filter above a union
select * from (select i, s from t union all select i, s from u) where i > 1
-- case: a filter above distinct
select * from (select distinct i, s from t) where s = 'x'
-- case: two uses
select i from t where s = 'x' union all select i from t where n > 2
-- case: a CTE used once
with x as (select i, s from t where n = 2) select i from x where s = 'x'
-- case: a CTE used twice
with x as (select i, s from t where n > 1) select i from x where s = 'x' union all select i from x where s = 'y'
-- case: a CTE that is materialised
with x as materialized (select i, s from t) select i from x where s = 'x' union all select i from x where s = 'y'
-- case: a CTE that is not
with x as not materialized (select i, s from t) select i from x where s = 'x' union all select i from x where s = 'y'
-- case: a self join
select a.i, b.s from t a join t b on a.i = b.i where a.s = 'x' and b.n = 2
-- case: in a subquery
select i from t where i in (select i from u where s = 'x')
-- case: exists
select i from t where exists (select 1 from u where u.i = t.i and u.s = 'x')
-- case: not exists
select i from t where not exists (select 1 from u where u.i = t.i and u.s = 'x')
-- case: a scalar subquery
select i, (select max(s) from u where u.i > 1) as top from t
-- case: a correlated scalar subquery
select i, (select max(u.s) from u where u.i = t.i) as top from t where t.s = 'x'
-- case: chance
select i from t where random() > 0.5 and s = 'x'
-- case: constants that fold
select i from t where i > 1 + 1 and 1 = 1
-- case: a filter that NULL decides
select i from t where s = null
-- case: count of filtered rows
select count(*) as k from t where s = 'x'
-- case: a struct's field
select i from u where k.x = 1
-- case: a list's length
select i from u where len(l) > 1
-- case: the clock
select i from t where d < current_date
-- case: the clock beside a condition
select i from t where d < current_date and s = 'x'
-- case: the clock that leaves no rows
select i from t where current_date < date '2000-01-01'
-- case: a time zone
select i from t where m < (timestamptz '2020-01-01')::timestamp and s = 'x'
-- case: a condition in a subquery that nothing uses
with x as (select i from u) select i from t where s = 'x'
