-- case: counts
select s, count(*) as k, count(i) as m from t group by s
-- case: sums
select s, sum(i) as a, sum(n) as b, sum(e) as c from t group by s
-- case: sums of floats
select s, sum(f) as total from t group by s
-- case: means
select avg(i) as a, avg(e) as b from t
-- case: means of floats
select avg(f) as a from t
-- case: least and greatest
select min(s) as a, max(d) as b, min(f) as c from t
-- case: first
select first(s) as one from t
-- case: any value
select i, any_value(s) as one from t group by i
-- case: a list
select list(s) as all_of_them from t
-- case: a list in order
select list(s order by s) as all_of_them from t
-- case: a list in another order
select list(s order by i) as all_of_them from t
-- case: texts together
select string_agg(s, ',') as line from t
-- case: texts together in order
select string_agg(s, ',' order by s) as line from t
-- case: the most frequent
select mode(s) as one from t
-- case: the one with the greatest
select arg_max(s, i) as one from t
-- case: the middle
select median(i) as one from t
-- case: deviation
select stddev(i) as one from t
-- case: distinct
select distinct i, s from t
-- case: distinct floats
select distinct f from t
-- case: distinct lists
select distinct l from u
-- case: distinct on
select distinct on (i) i, s from t order by i
-- case: distinct on everything
select distinct on (i) i, s from t order by i, s
-- case: group by floats
select f, count(*) as k from t group by f
-- case: limit
select i from t limit 2
-- case: limit in an order with ties
select i, s from t order by i limit 2
-- case: limit in an order of all columns
select i, s from t order by s, i limit 2
-- case: limit in an order of what is made of it
select i, upper(s) as name from t order by i, s limit 2
-- case: limit in an order of groups
select s, count(*) as k from t group by s order by k desc, s limit 2
-- case: limit in an order of groups with ties
select s, count(*) as k from t group by s order by k desc limit 2
-- case: limit in an order of distinct rows
select * from (select distinct i from t) order by i limit 1
-- case: limit in an order of floats
select f from t order by f limit 2
-- case: limit of one row
select count(*) as k from t limit 1
-- case: limit inside
select count(*) as k from (select i from t limit 2)
-- case: offset
select i from t order by i offset 1
-- case: a share of the rows
select i from t limit 50%
-- case: a sample
select i from t using sample 2 rows
-- case: row numbers
select i, s, row_number() over (order by i, s) as r from t
-- case: row numbers with ties
select i, s, row_number() over (order by i) as r from t
-- case: row numbers without an order
select i, row_number() over () as r from t
-- case: row numbers of parts
select i, s, row_number() over (partition by s order by i) as r from t
-- case: ranks
select i, s, rank() over (order by i) as r, dense_rank() over (partition by s order by i) as q from t
-- case: the row before
select i, s, lag(s) over (order by i) as before from t
-- case: the row before in an order of everything
select i, s, lag(s) over (order by i, s) as before from t
-- case: sums so far
select i, sum(n) over (order by i) as total from t
-- case: sums so far by rows
select i, s, sum(n) over (order by i rows unbounded preceding) as total from t
-- case: sums so far of floats
select i, sum(f) over (order by i) as total from t
-- case: sums of parts
select i, s, sum(n) over (partition by s) as total from t
-- case: the last two rows
select i, n, sum(n) over (order by i, n rows between 1 preceding and current row) as total from t
-- case: first value
select i, first_value(s) over (partition by i order by s) as one from t
-- case: union
select i from t union select i from u
-- case: union of floats
select f from t union select 1.0::double
-- case: except
select i from t except select i from u
-- case: except all
select s from t except all select s from u
-- case: intersect
select i, s from t intersect select i, s from u
-- case: positional join
select t.i, u.s from t positional join u
-- case: as-of join
select t.i, u.s from t asof join u on t.i >= u.i
-- case: chance
select i, random() as r from t
-- case: the clock
select i, now() as at from t
-- case: today
select i, current_date as at from t
-- case: grouping sets
select i, s, count(*) as k from t group by grouping sets ((i), (s), ())
-- case: rollup
select i, s, sum(n) as k from t group by rollup (i, s)
-- case: pivot
select * from (select i, s, n from t) pivot (sum(n) for s in ('x', 'y'))
-- case: unpivot
select * from (select i, n from t) unpivot (value for name in (i, n))
-- case: a recursive query
with recursive r(k) as (select 1 union all select k + 1 from r where k < 3) select k, i from r, t
-- case: lateral
select t.i, x.s from t, lateral (select u.s from u where u.i = t.i) x
-- case: lateral with a limit
select t.i, x.s from t, lateral (select u.s from u where u.i = t.i order by u.s limit 1) x
-- case: a collation
select i from t order by s collate nocase limit 1
-- case: intervals
select distinct m - m as span from t
-- case: a volatile default in a macro
select i, uuid() as id from t
-- case: histogram
select histogram(i) as h from t
-- case: a bag of structs
select distinct k from u
-- case: grouped by all
select i, s, max(n) as top from t group by all order by all
-- case: qualify
select i, s, n from t qualify row_number() over (partition by i order by n, s) = 1
-- case: qualify with ties
select i, s, n from t qualify row_number() over (partition by i order by n) = 1
-- case: lists that two queries have
select l from u intersect select l from u where i > 1
-- case: lists that either query has
select l from u union select [i] from u
-- case: structs that one query has
select k from u except select k from u where i > 1
