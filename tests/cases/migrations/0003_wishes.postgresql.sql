-- What is wished of a run by other processes than its driver: that it pauses, goes on, or ends.

CREATE TABLE wishes (
    run TEXT COLLATE "C" PRIMARY KEY REFERENCES runs (id),
    wish TEXT COLLATE "C" NOT NULL
);
