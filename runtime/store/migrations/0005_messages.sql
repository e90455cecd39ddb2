-- What hooks are to tell the outside: written with the change that it tells of, and delivered afterwards.

CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT,
    event TEXT NOT NULL,
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL,
    due_at REAL NOT NULL,
    taken_by TEXT,
    error TEXT NOT NULL,
    settled_at REAL
);

CREATE INDEX messages_that_wait ON messages (due_at) WHERE state = 'pending';

CREATE INDEX messages_by_run ON messages (run);
