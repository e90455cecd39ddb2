-- The journal: runs, their tasks, their attempts, who drives them, and who may publish where.

CREATE TABLE drivers (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    lease_until REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    pipeline TEXT NOT NULL,
    file TEXT NOT NULL,
    digest TEXT NOT NULL,
    logical_time TEXT NOT NULL,
    driver TEXT NOT NULL,
    created_at REAL NOT NULL,
    state TEXT NOT NULL,
    ended_at REAL,
    resumed INTEGER NOT NULL
);

CREATE INDEX runs_by_pipeline ON runs (pipeline, created_at);

CREATE INDEX runs_by_time ON runs (created_at);

CREATE TABLE task_runs (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    token TEXT,
    lost INTEGER NOT NULL,
    reason TEXT,
    error TEXT,
    blocked_by TEXT,
    started_at REAL,
    ended_at REAL,
    UNIQUE (run, task)
);

CREATE TABLE attempts (
    serial INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT NOT NULL,
    number INTEGER NOT NULL,
    token TEXT NOT NULL,
    state TEXT NOT NULL,
    log TEXT NOT NULL,
    claimed_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    result TEXT,
    UNIQUE (run, task, number)
);

CREATE TABLE leases (
    uri TEXT PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    driver TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX leases_by_run ON leases (run);

-- The results: every key that was committed, the last one of each task, and the digests of files.

CREATE TABLE results (
    number INTEGER PRIMARY KEY,
    pipeline TEXT NOT NULL,
    task TEXT NOT NULL,
    key TEXT NOT NULL,
    parts TEXT NOT NULL,
    outputs TEXT NOT NULL,
    run TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    committed_at REAL NOT NULL,
    UNIQUE (pipeline, task, key)
);

CREATE TABLE latest_results (
    pipeline TEXT NOT NULL,
    task TEXT NOT NULL,
    result INTEGER NOT NULL REFERENCES results (number),
    PRIMARY KEY (pipeline, task)
) WITHOUT ROWID;

CREATE TABLE file_digests (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    device INTEGER NOT NULL,
    digest TEXT NOT NULL,
    hashed_at_ns INTEGER NOT NULL,
    boot_id TEXT NOT NULL
) WITHOUT ROWID;
