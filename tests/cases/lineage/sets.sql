-- case: UNION ALL goes by position
select a, b from t union all select a, e.y from u
-- case: UNION
select a from t union select d[1] from u
-- case: UNION ALL BY NAME
select a, b from t union all by name select d, a from u
-- case: UNION BY NAME with a column of one side
select a, c from t union by name select a, e from u
-- case: EXCEPT
select a, b from t except select a, e.y from u
-- case: EXCEPT ALL
select a from t except all select a from u
-- case: INTERSECT
select a from t intersect select a from u
-- case: three of them
select a from t union all select a from u union all select length(b) from t
-- case: with ORDER BY and LIMIT
select a, c from t union all select a, 0 from u order by c limit 2
