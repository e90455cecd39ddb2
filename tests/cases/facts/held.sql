-- case: under a window
select k, row_number() over (order by i, n) as r from (select i, n, s::integer as k from t)
-- case: beside a window
select s::integer as k, rank() over (order by i) as r from t
-- case: of a window
select i, lag(s::integer) over (order by i, s) as k from t
-- case: where a frame starts
select i, sum(n) over (order by i, n rows between s::integer preceding and current row) as k from t
-- case: how far a frame reaches
select i, sum(n) over (order by n range 2 preceding) as k from t
-- case: a window's filter
select i, sum(n) filter (where s::integer > 1) over (order by i) as k from t
-- case: how far back
select i, lag(s, i) over (order by i, s) as k from t
-- case: in how many parts
select i, ntile(s::integer) over (order by i, s) as k from t
-- case: in a list that is unnested
select i, unnest([s::integer]) as k from t
-- case: beside a list that is unnested
select s::integer as k, unnest(['x']) as v from t
-- case: in a CTE used once
with x as (select i, s::integer as k from t) select i, k from x
-- case: in a CTE used twice
with x as (select i, s::integer as k, max(n) as m from t group by all) select a.i, b.k from x a join x b on a.i = b.i
-- case: in a CTE that is stored
with x as materialized (select i, s::integer as k from t) select i, k from x
-- case: in a CTE that is not
with x as not materialized (select i, s::integer as k from t) select a.i, b.k from x a join x b on a.i = b.i
-- case: in a CTE under a window
with x as (select i, n, s::integer as k from t) select i, k from x qualify row_number() over (partition by i order by n, k) = 1
-- case: in a union
select i, s::integer as k from t union select i, n from t
-- case: in a union of all
select i, s::integer as k from t union all select i, n from t
-- case: in what is taken away
select i, s::integer as k from t except select i, i from u
-- case: under a join
select a.k, u.s from (select i, s::integer as k from t) a left join u using (i)
-- case: under a limit
select i, s::integer as k from t order by i, s limit 3
-- case: under a sample
select i, s::integer as k from t using sample 3 rows
-- case: in a group's values
select i, max(s::integer) as k, count(*) filter (where s::integer > 1) as m from t group by i
-- case: in a subquery
select i, (select max(s::integer) from u) as k, (select max(u.s::integer) from u where u.i = t.i) as m from t
-- case: under DISTINCT ON
select distinct on (i) i, s::integer as k from t order by i, s
-- case: in rows that are written out
select * from (values (1, '1'::integer), (2, 'x'::integer)) v(i, k)
-- case: in a pivot
select * from (select i, s, s::integer as k from t) pivot (sum(k) for s in ('x', 'y'))
-- case: in a recursive query
with recursive r(k) as (select 1 union all select k + 1 from r where k < 3) select i, k from t, r
-- case: in a lateral query
select t.i, x.k from t, lateral (select u.s::integer as k from u where u.i = t.i) x
