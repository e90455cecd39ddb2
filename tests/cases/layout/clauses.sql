select customer, sum(amount) as total, count(*) as orders from orders as o left join rates using (currency) where status = 'paid'
  and ordered_at between date '2026-01-01' and date '2026-02-01' group by customer having sum(amount) > 10 order by total desc, customer limit 10 offset 5
