-- case: GROUP BY
select b, sum(c) as total, count(*) as n, count(a) as m from t group by b
-- case: GROUP BY ALL
select b, a + 1 as k, max(c) as most from t group by all
-- case: without groups
select sum(c) as total, count(*) as n from t where a > 1
-- case: HAVING
select b from t group by b having sum(c) > 1
-- case: FILTER
select sum(c) filter (where a > 1) as total from t
-- case: ORDER BY inside
select string_agg(b, ',' order by a desc) as names, list(c order by b) as cs from t
-- case: DISTINCT inside
select count(distinct b) as n from t
-- case: GROUPING SETS
select a, b, sum(c) as total, grouping(a) as level from t group by grouping sets ((a), (b), ())
-- case: CUBE
select a, count(*) as n from t group by cube (a, b)
-- case: ROLLUP
select a, b, max(c) as most from t group by rollup (a, b)
-- case: DISTINCT
select distinct a, b from t
-- case: DISTINCT ON
select distinct on (a) a, c from t order by a, b
-- case: arg_max
select arg_max(b, c) as best from t
-- case: an aggregate of an aggregate
select max(total) as most from (select b, sum(c) as total from t group by b)
-- case: an expression over an aggregate
select round(sum(c) / count(*), 2) as mean from t
-- case: SUMMARIZE
summarize t
-- case: DESCRIBE
describe t
-- case: ORDER BY and LIMIT
select a from t order by c limit 3
-- case: ORDER BY alone
select a from t order by c
-- case: LIMIT over an inner ORDER BY
select a from (select a, b from t order by c) where b <> 'x' limit 1
-- case: histogram
select * from histogram(t, a)
