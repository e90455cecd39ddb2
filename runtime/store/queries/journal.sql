-- put_run
INSERT INTO runs (id, pipeline, file, digest, logical_time, driver, created_at, state, ended_at, resumed, asked, submission, began_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    pipeline = excluded.pipeline,
    file = excluded.file,
    digest = excluded.digest,
    logical_time = excluded.logical_time,
    driver = excluded.driver,
    created_at = excluded.created_at,
    state = excluded.state,
    ended_at = excluded.ended_at,
    resumed = excluded.resumed,
    asked = excluded.asked,
    submission = excluded.submission,
    began_at = excluded.began_at

-- put_task
INSERT INTO task_runs (run, task, state, attempt, token, lost, reason, error, blocked_by, started_at, ended_at, before)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, task) DO UPDATE SET
    state = excluded.state,
    attempt = excluded.attempt,
    token = excluded.token,
    lost = excluded.lost,
    reason = excluded.reason,
    error = excluded.error,
    blocked_by = excluded.blocked_by,
    started_at = excluded.started_at,
    ended_at = excluded.ended_at,
    before = excluded.before

-- put_attempt
INSERT INTO attempts (run, task, number, token, state, log, claimed_at, started_at, ended_at, result)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, task, number) DO UPDATE SET
    token = excluded.token,
    state = excluded.state,
    log = excluded.log,
    claimed_at = excluded.claimed_at,
    started_at = excluded.started_at,
    ended_at = excluded.ended_at,
    result = excluded.result

-- permitted
SELECT task_runs.task, task_runs.token
FROM task_runs JOIN runs ON runs.id = task_runs.run
WHERE task_runs.run = ? AND task_runs.task IN (SELECT value FROM json_each(?))
    AND task_runs.state IN ('claimed', 'running') AND runs.state = 'running'

-- permitted_one
SELECT task_runs.task, task_runs.token
FROM task_runs JOIN runs ON runs.id = task_runs.run
WHERE task_runs.run = ? AND task_runs.task = ?
    AND task_runs.state IN ('claimed', 'running') AND runs.state = 'running'

-- drives
SELECT 1 FROM runs WHERE id = ? AND driver = ? AND state = 'running'

-- holders
SELECT leases.uri, leases.run
FROM leases JOIN runs ON runs.id = leases.run
WHERE leases.uri IN (SELECT value FROM json_each(?)) AND leases.run <> ? AND runs.state = 'running'
ORDER BY leases.uri

-- acquire
INSERT INTO leases (uri, run, driver)
VALUES (?, ?, ?)
ON CONFLICT (uri) DO UPDATE SET run = excluded.run, driver = excluded.driver

-- release
DELETE FROM leases WHERE run = ?

-- enrol
INSERT INTO drivers (id, host, boot_id, pid, start_time, lease_until)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    host = excluded.host,
    boot_id = excluded.boot_id,
    pid = excluded.pid,
    start_time = excluded.start_time,
    lease_until = excluded.lease_until

-- drivers
SELECT id, host, boot_id, pid, start_time, lease_until FROM drivers

-- runs
SELECT id, pipeline, file, digest, logical_time, driver, created_at, state, ended_at, resumed, asked, submission, began_at
FROM runs
WHERE (pipeline = :pipeline OR :pipeline IS NULL) AND (state = :state OR :state IS NULL)
ORDER BY created_at DESC, number DESC
LIMIT :limit

-- run
SELECT id, pipeline, file, digest, logical_time, driver, created_at, state, ended_at, resumed, asked, submission, began_at
FROM runs
WHERE id = ?

-- runs_that_begin
SELECT id, pipeline, file, digest, logical_time, driver, created_at, state, ended_at, resumed, asked, submission, began_at
FROM runs
WHERE id >= :prefix AND substr(id, 1, length(:prefix)) = :prefix
ORDER BY id
LIMIT 2

-- tasks
SELECT run, task, state, attempt, token, lost, reason, error, blocked_by, started_at, ended_at, before
FROM task_runs
WHERE run = ?
ORDER BY number

-- attempts
SELECT run, task, number, token, state, log, claimed_at, started_at, ended_at, result
FROM attempts
WHERE run = :run AND (task = :task OR :task IS NULL)
ORDER BY serial

-- put_letter
INSERT INTO dead_letters (run, task, attempt, kind, error, task_order, log, died_at, state, settled_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- settle_letters
UPDATE dead_letters SET state = :state, settled_at = :at
WHERE run = :run AND task = :task AND state = 'open'

-- letters
SELECT run, task, attempt, kind, error, task_order, log, died_at, state, settled_at, number
FROM dead_letters
WHERE (run = :run OR :run IS NULL) AND (:settled OR state = 'open')
ORDER BY number DESC
LIMIT :limit

-- letter
SELECT run, task, attempt, kind, error, task_order, log, died_at, state, settled_at, number
FROM dead_letters
WHERE number = ?

-- put_wish
INSERT INTO wishes (run, wish) VALUES (?, ?)
ON CONFLICT (run) DO UPDATE SET wish = excluded.wish

-- wish
SELECT wish FROM wishes WHERE run = ?

-- forget_tasks
DELETE FROM task_runs WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- forget_attempts
DELETE FROM attempts WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- forget_leases
DELETE FROM leases WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- forget_letters
DELETE FROM dead_letters WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- forget_wishes
DELETE FROM wishes WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- forget_run
DELETE FROM runs WHERE id = ? AND state <> 'running'

-- submitted
SELECT id, pipeline, file, digest, logical_time, driver, created_at, state, ended_at, resumed, asked, submission, began_at
FROM runs
WHERE pipeline = ? AND submission = ?

-- put_message
INSERT INTO messages (id, run, task, event, url, body, created_at, state, tries, due_at, taken_by, error, settled_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING

-- due_messages
SELECT id, run, task, event, url, body, created_at, state, tries, due_at, taken_by, error, settled_at, number
FROM messages
WHERE state = 'pending' AND due_at <= ?
ORDER BY due_at, number
LIMIT ?

-- take_message
UPDATE messages SET taken_by = ?, due_at = ? WHERE number = ?

-- put_tried
UPDATE messages SET state = ?, tries = ?, due_at = ?, taken_by = ?, error = ?, settled_at = ?
WHERE number = ? AND state = 'pending'

-- free_messages
UPDATE messages SET taken_by = NULL, due_at = :at WHERE state = 'pending' AND taken_by = :driver

-- renew_message
UPDATE messages SET state = 'pending', tries = 0, due_at = ?, taken_by = NULL, error = '', settled_at = NULL
WHERE number = ?

-- messages
SELECT id, run, task, event, url, body, created_at, state, tries, due_at, taken_by, error, settled_at, number
FROM messages
WHERE (run = :run OR :run IS NULL) AND (state = :state OR :state IS NULL)
ORDER BY number DESC
LIMIT :limit

-- next_message_at
SELECT min(due_at) FROM messages WHERE state = 'pending'

-- forget_messages
DELETE FROM messages WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- room_taken
SELECT (
    SELECT count(*) FROM room JOIN runs ON runs.id = room.run
    WHERE room.grp = :grp AND runs.state = 'running'
) + (
    SELECT count(*) FROM room_queue JOIN runs ON runs.id = room_queue.run
    WHERE room_queue.grp = :grp AND room_queue.run <> :run AND runs.state = 'running'
        AND NOT EXISTS (
            SELECT 1 FROM room_queue AS own
            WHERE own.run = :run AND own.bundle = :bundle AND own.grp = :grp AND own.number < room_queue.number
        )
)

-- take_room
INSERT INTO room (grp, token, run) VALUES (?, ?, ?)

-- wait_for_room
INSERT INTO room_queue (run, bundle, grp, number)
VALUES (:run, :bundle, :grp, coalesce(
    (SELECT number FROM room_queue WHERE run = :run AND bundle = :bundle LIMIT 1),
    (SELECT max(number) + 1 FROM room_queue),
    1
))
ON CONFLICT (run, bundle, grp) DO NOTHING

-- free_room
DELETE FROM room WHERE token = ?

-- leave_line
DELETE FROM room_queue WHERE run = ? AND bundle = ?

-- takers
SELECT run FROM room WHERE grp = :grp UNION SELECT run FROM room_queue WHERE grp = :grp

-- release_room
DELETE FROM room WHERE run = ?

-- release_lines
DELETE FROM room_queue WHERE run = ?

-- forget_room
DELETE FROM room WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- forget_lines
DELETE FROM room_queue WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- put_task_wish
INSERT INTO task_wishes (run, task, wish) VALUES (?, ?, ?)
ON CONFLICT (run, task) DO UPDATE SET wish = excluded.wish

-- task_wishes
SELECT task, wish FROM task_wishes WHERE run = ?

-- forget_task_wishes
DELETE FROM task_wishes WHERE run = ?

-- forget_wishes_of_tasks
DELETE FROM task_wishes WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- twins
SELECT twins.grp, twins.run, twins.task, twins.key, task_runs.state, task_runs.attempt, task_runs.error, runs.state
FROM twins
JOIN runs ON runs.id = twins.run
LEFT JOIN task_runs ON task_runs.run = twins.run AND task_runs.task = twins.task
WHERE twins.grp = ?
ORDER BY twins.number

-- put_twin
INSERT INTO twins (grp, run, task, key) VALUES (?, ?, ?, ?)

-- drop_twin
DELETE FROM twins WHERE grp = ? AND run = ? AND task = ?

-- forget_twins
DELETE FROM twins WHERE run IN (SELECT id FROM runs WHERE id = ? AND state <> 'running')

-- service
SELECT grp, name, state, failed_at, until, opened, run, token FROM services WHERE grp = ?

-- services
SELECT grp, name, state, failed_at, until, opened, run, token FROM services ORDER BY name

-- put_service
INSERT INTO services (grp, name, state, failed_at, until, opened, run, token)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (grp) DO UPDATE SET
    name = excluded.name,
    state = excluded.state,
    failed_at = excluded.failed_at,
    until = excluded.until,
    opened = excluded.opened,
    run = excluded.run,
    token = excluded.token

-- release_services
UPDATE services SET until = 0, run = NULL, token = NULL WHERE run = ?
