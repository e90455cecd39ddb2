-- case: a struct's field
select e.x, e['y'] as y, struct_extract(e, 'x') as again from u
-- case: all of a struct's fields
select e.*, unnest(e) from u
-- case: a struct is made
select {'k': a, 'v': c} as pair, row(a, b) as r from t
-- case: lists and maps
select d[1] as first, d[a] as nth, map([a], [d]) as m, map {'k': e.x}['k'] as v from u
-- case: list comprehension
select [x + a for x in d if x > 1] as l from u
-- case: lambdas in each other
select list_transform(d, lambda x: list_sum(list_transform(d, lambda y: y * x + a))) as l from u
-- case: list_reduce
select list_reduce(d, lambda s, x: s + x + e.x) as total from u
-- case: UNNEST in the list of columns
select a, unnest(d) as item from u
-- case: UNNEST in FROM
select a, item from u, unnest(d) as items(item)
-- case: UNNEST, its items not used
select a from u, unnest(d) as items(item)
-- case: UNNEST of structs, all the way
select unnest([e], recursive := true) from u
-- case: a table function of a column
select a, r from t, range(a) as x(r)
-- case: a table function of constants
select b, r from t, range(3) as x(r)
-- case: query_table
select b from query_table('t')
-- case: CASE, coalesce, IN, BETWEEN and casts
select case when a > 1 then b when c in (1, 2) then 'x' else e.y end as v, coalesce(c, a) as w, t.a between 1 and c as x, try_cast(b as int) as y from t join u using (a)
-- case: the clock and chance have no columns
select a, now() as at, random() as r from t
