from trc import Pipeline

TEXT = "# trc: allow TRC412 in a text"
p = Pipeline("shop")
p.sql("first", "select random() as r")  # the note is told
p.sql(
    "second",
    """
    with first as (select 1 as r)
    -- # trc: allow TRC412 in SQL
    select r from first
    """,
)  # trc: allow TRC409 a comment behind é and 🦆 is at its place
# trc: allow TRC413 idle
