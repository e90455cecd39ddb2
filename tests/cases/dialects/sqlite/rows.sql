-- case: whole numbers
select 7 / 2, 7 % 3, ifnull(null, 1), iif(a > 0, 1, 2), 1 / 0 from t where id = 1
--
3 | 1 | 1 | 1 | null
-- case: casts cut fractions off
select cast(1.7 as integer), cast(x as integer) from t where id = 1
--
1 | 2
-- case: nulls are the lowest
select a from t order by a
--
null
-7
7
-- case: like ignores case
select s like 'ANN' from t where id = 1
--
warned: s like 'ANN'
false
-- case: names in all quotes
select "id", [id], `id` from t where id = 1
--
1 | 1 | 1
