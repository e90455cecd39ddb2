-- committed
SELECT pipeline, task, key, parts, outputs, run, attempt, committed_at, returned
FROM results
ORDER BY committed_at, number

-- replaced
SELECT runs.pipeline, attempts.task, attempts.run, attempts.number, attempts.ended_at, attempts.result
FROM attempts JOIN runs ON runs.id = attempts.run
WHERE attempts.state = 'success'
    AND NOT EXISTS (
        SELECT 1
        FROM results
        WHERE results.pipeline = runs.pipeline AND results.task = attempts.task
            AND results.run = attempts.run AND results.attempt = attempts.number
    )
ORDER BY attempts.serial

-- digests_of_runs
SELECT id, digest FROM runs
