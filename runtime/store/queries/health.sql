-- leases
SELECT leases.run, runs.state FROM leases LEFT JOIN runs ON runs.id = leases.run

-- latest
SELECT results.pipeline, results.task, key, parts, outputs, results.run, results.attempt, committed_at, returned,
    attempts.log, runs.file
FROM latest_results JOIN results ON results.number = latest_results.result
LEFT JOIN attempts ON attempts.run = results.run AND attempts.task = results.task AND attempts.number = results.attempt
LEFT JOIN runs ON runs.id = results.run
ORDER BY committed_at

-- has_messages
SELECT 1 FROM sqlite_schema WHERE name = 'messages'

-- messages
SELECT state, count(*) FROM messages GROUP BY state
