-- case: all
select * from t
-- case: some columns
select i, s from t
-- case: an expression
select i, upper(s) as name from t
-- case: filtered
select i, n from t where s = 'x'
-- case: a filter over a subquery
select * from (select i, lower(s) as name, d from t) where name = 'x' and d >= '2020-02-01'
-- case: a filter over a cast
select i from t where s::integer = 1
-- case: no rows at all
select i from t where false
-- case: a filter that no row passes
select i from t where i = 1 and i = 2
-- case: a constant beside
select 1 as one, i from t
-- case: nothing read but rows
select 1 as one from t
-- case: no table
select 1 as one
-- case: ordered
select i, s from t order by s
-- case: ordered by what is not shown
select i from t order by s
-- case: values
select * from (values (1, 'x'), (2, 'y')) v(i, s)
-- case: unnest
select i, unnest(l) as one from u
-- case: lateral unnest
select u.i, v from u, unnest(l) x(v) where u.i > 1
-- case: ordered by a column that is not shown
select s from t order by n desc, s
-- case: ordered by shown columns and others
select i as a, s as b from t order by s, lower(s), i
-- case: ordered by all
select i, s from t order by all
-- case: ordered by what tells rows apart
select s, count(*) as n from t group by s order by s
-- case: ordered behind a CTE that is stored
with c as materialized (select i, s from t) select c.s as a, d.s as b from c join c as d using (i) order by b, a
-- case: ordered by floats
select f from t order by f
