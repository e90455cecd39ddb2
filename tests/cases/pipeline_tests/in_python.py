# The authoring API's tests run as those of the other languages do.
from trc import Pipeline, csv

p = Pipeline("shop")
orders = p.source("orders", csv("data/orders.csv"), columns={"id": "bigint", "amount": "double"})
p.sql("big", "select id from orders where amount > 100")
p.test(
    "small orders are left out",
    given={orders: [{"id": 1, "amount": 10}, {"id": 2, "amount": 200}]},
    expect={"big": [{"id": 2}]},
)
p.test("and this fails", given={orders: [{"id": 1, "amount": 10}]}, expect={"big": [{"id": 2}]})
