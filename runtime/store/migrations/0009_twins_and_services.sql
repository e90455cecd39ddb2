-- Which tasks of which runs others are equal to: these wait for their end, and do not run.

CREATE TABLE twins (
    number INTEGER PRIMARY KEY,
    grp TEXT NOT NULL,
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT NOT NULL,
    key TEXT NOT NULL,
    UNIQUE (grp, run, task)
);

CREATE INDEX twins_by_run ON twins (run);

-- How the services stand that tasks need: their circuit breakers, and the attempt that probes one.

CREATE TABLE services (
    grp TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    failed_at TEXT NOT NULL,
    until REAL NOT NULL,
    opened INTEGER NOT NULL,
    run TEXT,
    token TEXT
) WITHOUT ROWID;

CREATE INDEX services_by_run ON services (run);
