-- The key under which a run was submitted: a second submission under it is answered with the first.

ALTER TABLE runs ADD COLUMN submission TEXT COLLATE "C";

CREATE UNIQUE INDEX runs_by_submission ON runs (pipeline, submission) WHERE submission IS NOT NULL;
