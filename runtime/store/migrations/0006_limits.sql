-- When a run was opened or last taken up after its end: its deadline and its retries count from then.

ALTER TABLE runs ADD COLUMN began_at REAL NOT NULL DEFAULT 0;

UPDATE runs SET began_at = created_at;

-- Room under concurrency rules: which attempts take a place of which group.

CREATE TABLE room (
    grp TEXT NOT NULL,
    token TEXT NOT NULL,
    run TEXT NOT NULL REFERENCES runs (id),
    PRIMARY KEY (grp, token)
) WITHOUT ROWID;

CREATE INDEX room_by_run ON room (run);

CREATE INDEX room_by_token ON room (token);

-- Who waits for room, first come, first served: a run stands in line once for each set of groups.

CREATE TABLE room_queue (
    run TEXT NOT NULL REFERENCES runs (id),
    bundle TEXT NOT NULL,
    grp TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (run, bundle, grp)
) WITHOUT ROWID;

CREATE INDEX room_queue_by_group ON room_queue (grp, number);
