-- What is wished of a run by other processes than its driver: that it pauses, goes on, or ends.

CREATE TABLE wishes (
    run TEXT PRIMARY KEY REFERENCES runs (id),
    wish TEXT NOT NULL
) WITHOUT ROWID;
