-- case: functions that nobody knows
select choose(2, 'a', 'b'), [id] from t
-- case: rows written to a table
select * into x from t
-- case: XML
select id from t for xml path('')
