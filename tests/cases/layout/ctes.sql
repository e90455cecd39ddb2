with recursive paid as (select * from orders where status='paid'),
big as materialized ( select *, row_number() over (partition by customer order by amount desc,
ordered_at) as rank from paid qualify rank <= 3 )

select * from big union all by name (select * from paid) except select * from orders
