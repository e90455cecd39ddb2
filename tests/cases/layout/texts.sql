select 'it''s  a
  text' as a, "a  name" as b, $$ raw  'text' $$ as c, e'\n' as d, 'one'
'two' as e
from 'data/x.csv' where a like '%--%'
