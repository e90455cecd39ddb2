-- What a run was asked for, so that it can be taken up again after its end.

ALTER TABLE runs ADD COLUMN asked TEXT NOT NULL DEFAULT '';

-- How many attempts of a task belong to earlier goes at it, which ended: each go has a budget of its own.

ALTER TABLE task_runs ADD COLUMN before INTEGER NOT NULL DEFAULT 0;

-- Tasks that failed for good, with all that is needed to see why and to try them again.

CREATE TABLE dead_letters (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    error TEXT NOT NULL,
    task_order TEXT,
    log TEXT NOT NULL,
    died_at REAL NOT NULL,
    state TEXT NOT NULL,
    settled_at REAL
);

CREATE INDEX dead_letters_by_task ON dead_letters (run, task);
