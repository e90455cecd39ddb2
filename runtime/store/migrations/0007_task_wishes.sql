-- What is wished of single tasks of a run by other processes than its driver.

CREATE TABLE task_wishes (
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT NOT NULL,
    wish TEXT NOT NULL,
    PRIMARY KEY (run, task)
) WITHOUT ROWID;
