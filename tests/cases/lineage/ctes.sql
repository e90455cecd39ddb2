-- case: one
with q as (select a, sum(c) as total from t group by a) select total from q where a > 1
-- case: used twice
with q as (select a, b from t) select l.b, r.a from q l join q r on l.a = r.a
-- case: one in the other
with q as (select a, c from t), r as (select a + 1 as k, c from q) select k from r
-- case: with names of its columns
with q(x, y) as (select a, b from t) select y from q
-- case: MATERIALIZED
with q as materialized (select a, b from t) select q.a, p.b from q, q p
-- case: recursive
with recursive r as (select a, b from t union all select a + 1, b from r where a < 3) select a, b from r
-- case: recursive without ALL
with recursive r as (select a from t union select a + 1 from r where a < 3) select a from r
-- case: recursive, over another table
with recursive r(k, way) as (select a, b from t union all select u.a, way || u.e.y from r join u on u.e.x = r.k where length(way) < 9) select way from r
-- case: recursive with a key
with recursive r(k, n) using key (k) as (select a, c from t union select k, n + 1 from r where n < 3) select * from r
-- case: recursive and correlated
select u.a from u where a > (with recursive r as (select u.a x union all select x + 1 from r where x < 5) select max(x) from r)
-- case: in a subquery, correlated
with q as (select a, b from t) select u.a, (select count(*) from q where q.a = u.a) as n from u
-- case: it hides a dataset
with u as (select a from t) select a from u
