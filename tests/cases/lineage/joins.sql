-- case: ON
select t.b, u.d from t join u on t.a = u.a and t.c > 1
-- case: USING
select * from t join u using (a)
-- case: LEFT JOIN USING
select a, d from t left join u using (a)
-- case: RIGHT JOIN USING
select a, b from t right join u using (a)
-- case: FULL JOIN USING is either side's key
select a, b, d from t full join u using (a)
-- case: NATURAL
select * from t natural join u
-- case: self join
select l.b, r.c as other from t l join t r on l.a = r.a + 1
-- case: CROSS JOIN
select b, d from t cross join u
-- case: a condition that is no equality
select b, d from t left join u on t.a < u.a or t.b = 'x'
-- case: POSITIONAL
select b, d from t positional join u
-- case: ASOF
select b, d from t asof join u on t.a >= u.a
-- case: ASOF LEFT with a key
select b, d from t asof left join u on t.b = u.e.y and t.a >= u.a
-- case: SEMI
select b from t semi join u using (a)
-- case: ANTI
select b from t anti join u on t.a = u.a and t.c > u.a
-- case: LATERAL subquery
select b, k from t, lateral (select u.a + t.a as k from u where u.a = t.a)
-- case: LATERAL LEFT JOIN
select b, k from t left join lateral (select max(u.a) as k from u where u.a > t.a) on true
-- case: LATERAL VALUES
select b, k from t, lateral (values (t.a), (t.c)) as v(k)
-- case: a chain of joins
select one.b, three.c from t one join u two on one.a = two.a join t three on three.a = two.e.x
