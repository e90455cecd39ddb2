-- case: a staging model that imports, renames and casts
with source as (
    select * from orders
),

renamed as (
    select
        order_id,
        customer_id as buyer_id,
        amount::double as amount,
        cast(ordered_at as timestamp) as ordered_at,
        date_trunc('month', ordered_at) as month
    from source
)

select * from renamed

-- case: a dimension built of several models
with buyers as (
    select * from customers
),

bought as (
    select customer_id, min(ordered_at) as first_order, max(ordered_at) as last_order, count(order_id) as orders
    from orders
    group by customer_id
),

final as (
    select buyers.customer_id, buyers.name, bought.first_order, bought.last_order,
        coalesce(bought.orders, 0) as orders
    from buyers
    left join bought on buyers.customer_id = bought.customer_id
)

select * from final

-- case: one column for each of some values
select
    order_id,
    sum(case when amount > 100 then amount else 0 end) as large_amount,
    sum(amount) filter (where amount <= 100) as small_amount,
    count(distinct customer_id) > 1 as is_joint
from orders
group by order_id
having sum(amount) > 0

-- case: the newest row of each key
select * exclude (place)
from (
    select *, row_number() over (partition by customer_id order by ordered_at desc, order_id) as place
    from orders
)
where place = 1

-- case: the newest row of each key, with qualify
from orders
qualify row_number() over (partition by customer_id order by ordered_at desc, order_id) = 1

-- case: a running total and what came before
select
    customer_id, ordered_at,
    sum(amount) over w as so_far,
    lag(amount, 1) over w as before,
    amount / nullif(sum(amount) over (partition by customer_id), 0) as share
from orders
window w as (partition by customer_id order by ordered_at rows between unbounded preceding and current row)

-- case: a key made of columns
select md5(concat_ws('-', customer_id::text, coalesce(name, ''))) as customer_key, upper(trim(name)) as name
from customers

-- case: days without gaps
with days as (
    select unnest(generate_series(date '2026-01-01', date '2026-01-31', interval 1 day))::date as day
)

select day, count(order_id) as orders, coalesce(sum(amount), 0) as amount
from days left join orders on ordered_at = day
group by all
order by day

-- case: kinds of events one below the other
select 'order' as kind, customer_id, ordered_at::timestamp as at from orders
union all by name
select "at", customer_id, 'visit' as kind from 'data/events.csv'

-- case: what is in one and not in the other
select customer_id from customers
except
(select customer_id from orders where exists (select 1 from "order-items" where qty > 0))

-- case: rows that fit in time
select o.order_id, e.at
from orders o asof left join 'data/events.csv' e on o.customer_id = e.customer_id and o.ordered_at >= e.at

-- case: lists and structs of rows
select
    customer_id,
    list({'id': order_id, 'amount': amount} order by order_id) as bought,
    list_transform(list(amount order by order_id), x -> x * 2) as doubled,
    bought[1].amount as first_amount
from orders
group by customer_id
