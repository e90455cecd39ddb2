-- runs_out
SELECT id, pipeline, file, digest, logical_time, driver, created_at, state, ended_at, resumed, asked, submission, began_at
FROM runs
ORDER BY number

-- tasks_out
SELECT run, task, state, attempt, token, lost, reason, error, blocked_by, started_at, ended_at, before
FROM task_runs
ORDER BY number

-- attempts_out
SELECT run, task, number, token, state, log, claimed_at, started_at, ended_at, result
FROM attempts
ORDER BY serial

-- letters_out
SELECT run, task, attempt, kind, error, task_order, log, died_at, state, settled_at
FROM dead_letters
ORDER BY number

-- results_out
SELECT pipeline, task, key, parts, outputs, run, attempt, committed_at, returned
FROM results
ORDER BY number

-- latest_out
SELECT latest_results.pipeline, latest_results.task, results.key
FROM latest_results JOIN results ON results.number = latest_results.result
ORDER BY latest_results.pipeline, latest_results.task

-- digests_out
SELECT path, size, mtime_ns, ctime_ns, inode, device, digest, hashed_at_ns, boot_id
FROM file_digests
ORDER BY path

-- ids
SELECT id FROM runs

-- runs_in
INSERT INTO runs (id, pipeline, file, digest, logical_time, driver, created_at, state, ended_at, resumed, asked, submission, began_at)
VALUES (:id, :pipeline, :file, :digest, :logical_time, :driver, :created_at, :state, :ended_at, :resumed, :asked, :submission, :began_at)

-- tasks_in
INSERT INTO task_runs (run, task, state, attempt, token, lost, reason, error, blocked_by, started_at, ended_at, before)
VALUES (:run, :task, :state, :attempt, :token, :lost, :reason, :error, :blocked_by, :started_at, :ended_at, :before)

-- attempts_in
INSERT INTO attempts (run, task, number, token, state, log, claimed_at, started_at, ended_at, result)
VALUES (:run, :task, :number, :token, :state, :log, :claimed_at, :started_at, :ended_at, :result)

-- letters_in
INSERT INTO dead_letters (run, task, attempt, kind, error, task_order, log, died_at, state, settled_at)
VALUES (:run, :task, :attempt, :kind, :error, :task_order, :log, :died_at, :state, :settled_at)

-- results_in
INSERT INTO results (pipeline, task, key, parts, outputs, run, attempt, committed_at, returned)
VALUES (:pipeline, :task, :key, :parts, :outputs, :run, :attempt, :committed_at, :returned)
ON CONFLICT (pipeline, task, key) DO UPDATE SET
    parts = excluded.parts,
    outputs = excluded.outputs,
    run = excluded.run,
    attempt = excluded.attempt,
    committed_at = excluded.committed_at,
    returned = excluded.returned
WHERE excluded.committed_at > results.committed_at

-- latest_in
INSERT INTO latest_results (pipeline, task, result)
SELECT pipeline, task, number FROM results WHERE pipeline = :pipeline AND task = :task AND key = :key
ON CONFLICT (pipeline, task) DO UPDATE SET result = excluded.result
WHERE (SELECT committed_at FROM results WHERE number = excluded.result)
    > (SELECT committed_at FROM results WHERE number = latest_results.result)

-- digests_in
INSERT INTO file_digests (path, size, mtime_ns, ctime_ns, inode, device, digest, hashed_at_ns, boot_id)
VALUES (:path, :size, :mtime_ns, :ctime_ns, :inode, :device, :digest, :hashed_at_ns, :boot_id)
ON CONFLICT (path) DO UPDATE SET
    size = excluded.size,
    mtime_ns = excluded.mtime_ns,
    ctime_ns = excluded.ctime_ns,
    inode = excluded.inode,
    device = excluded.device,
    digest = excluded.digest,
    hashed_at_ns = excluded.hashed_at_ns,
    boot_id = excluded.boot_id
WHERE excluded.hashed_at_ns > file_digests.hashed_at_ns
