-- case: scalar, on its own
select b, (select max(a) from u) as most from t
-- case: scalar, correlated
select b, (select count(*) from u where u.a < t.a) as before from t
-- case: scalar, of a column
select b, (select e.y from u where u.a = t.a limit 1) as y from t
-- case: EXISTS as a value
select b, exists(select 1 from u where u.a = t.a) as has from t
-- case: EXISTS as a condition
select b from t where exists(select 1 from u where u.a = t.a)
-- case: NOT EXISTS
select b from t where not exists(select 1 from u where u.a = t.a and u.d[1] = 2)
-- case: IN as a value
select b, a in (select a from u) as known from t
-- case: IN as a condition
select b from t where a in (select a from u where e.x > 1)
-- case: NOT IN of several columns
select b from t where (a, b) not in (select a, e.y from u)
-- case: ANY
select b from t where a > any(select a from u)
-- case: two levels of correlation
select (select (select max(u.a) from u where u.a = t.a and d[1] = x.q) from (select t.a + 1 as q) x) as m from t
-- case: a correlated UNION
select b, (select sum(k) from (select u.a as k from u where u.a = t.a union all select t.c)) as total from t
-- case: a subquery's filter has no influence on the rows outside
select b, (select any_value(a) from u where e.x = 1) as found from t
-- case: a subquery in FROM
select x from (select a as x, b from t where c > 0)
-- case: a column that only a subquery selects is not read
select x from (select a as x, b, c from t)
-- case: ARRAY
select b, array(select d[1] from u where u.a = t.a order by e.x) as many from t
-- case: in LIMIT
select a from t limit (select max(a) from u)
