-- What tasks returned besides their outputs: values for others, and the sub-tasks that they submitted.

ALTER TABLE results ADD COLUMN returned TEXT;
