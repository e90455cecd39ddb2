-- case: outer joins of old
select t.id from t, t q where t.id = q.id(+)
-- case: formats
select to_char(d, 'YYYY') from t
