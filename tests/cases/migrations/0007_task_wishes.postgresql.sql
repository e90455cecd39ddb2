-- What is wished of single tasks of a run by other processes than its driver.

CREATE TABLE task_wishes (
    run TEXT COLLATE "C" NOT NULL REFERENCES runs (id),
    task TEXT COLLATE "C" NOT NULL,
    wish TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (run, task)
);
