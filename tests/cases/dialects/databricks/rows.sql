-- case: numbers
select 7 / 2, try_divide(1, 0), cast(1.7 as int)
--
3.5 | null | 1
-- case: units that are complete
select datediff('2024-02-01', '2024-01-31'), date_trunc('MM', ts) from t where id = 1
--
1 | datetime 2024-01-01 00:00:00
-- case: paths into JSON
select j:a::string from (select '{"a": "x"}' as j)
--
'x'
-- case: qualify
select id from t qualify row_number() over (partition by b order by id) = 1 order by id
--
1
3
