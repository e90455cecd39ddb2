-- put_result
INSERT INTO results (pipeline, task, key, parts, outputs, run, attempt, committed_at, returned)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (pipeline, task, key) DO UPDATE SET
    parts = excluded.parts,
    outputs = excluded.outputs,
    run = excluded.run,
    attempt = excluded.attempt,
    committed_at = excluded.committed_at,
    returned = excluded.returned

-- put_latest
INSERT INTO latest_results (pipeline, task, result)
SELECT pipeline, task, number FROM results WHERE pipeline = ? AND task = ? AND key = ?
ON CONFLICT (pipeline, task) DO UPDATE SET result = excluded.result

-- latest
SELECT results.pipeline, results.task, key, parts, outputs, run, attempt, committed_at, returned
FROM latest_results JOIN results ON results.number = latest_results.result
WHERE latest_results.pipeline = ?

-- find
SELECT pipeline, task, key, parts, outputs, run, attempt, committed_at, returned
FROM results
WHERE pipeline = ? AND task = ? AND key = ?

-- digests
SELECT path, size, mtime_ns, ctime_ns, inode, device, digest, hashed_at_ns, boot_id
FROM file_digests
WHERE path IN (SELECT value FROM json_each(?))

-- put_digest
INSERT INTO file_digests (path, size, mtime_ns, ctime_ns, inode, device, digest, hashed_at_ns, boot_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET
    size = excluded.size,
    mtime_ns = excluded.mtime_ns,
    ctime_ns = excluded.ctime_ns,
    inode = excluded.inode,
    device = excluded.device,
    digest = excluded.digest,
    hashed_at_ns = excluded.hashed_at_ns,
    boot_id = excluded.boot_id

-- forget_results
DELETE FROM results
WHERE committed_at < ? AND number NOT IN (SELECT result FROM latest_results)
    AND pipeline NOT IN (SELECT pipeline FROM runs WHERE state = 'running')

-- digest_paths
SELECT path FROM file_digests ORDER BY path

-- forget_digest
DELETE FROM file_digests WHERE path = ?
