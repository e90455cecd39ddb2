"""Retries: a policy for all tasks, another for one of them, and failures that are not worth a retry.

`trc run retry_policy.py` runs it: the task `rates` succeeds at its third attempt.
"""

from trc import PermanentError, Pipeline, RetryPolicy, TaskContext, TemporaryError, csv, shell

p = Pipeline("retry-policy", retry=RetryPolicy(attempts=2, backoff="fixed", initial="1s"))


@p.task(
    retry=RetryPolicy(attempts=5, backoff="exponential", initial=0.1, factor=2, max="10s", jitter="full"),
    timeout="5m",
    inputs=["data/rates.csv"],
    columns={"currency": "varchar", "rate": "double"},
    output=csv("out/rates.csv"),
)
def rates(context: TaskContext) -> None:
    """Copies the rates, from a service that is not there yet when it is asked."""
    if context.attempt < 3:
        raise TemporaryError("the service is not there yet")
    with open(context.inputs["rates"].path) as given, open(context.output.path, "w") as kept:
        text = given.read()
        if not text.startswith("currency,"):
            raise PermanentError("these are no rates: asking again will not help")
        kept.write(text)


p.sql("strongest", "select currency from rates order by rate desc limit 1", output=csv("out/strongest.csv"))

# Only these exit codes are worth another attempt: 75 is what programs call a temporary failure.
notify = p.add("notify", shell("true"), retry=RetryPolicy(attempts=3, retry_on=[75]))
rates >> notify
