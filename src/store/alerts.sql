-- What was worth an alert. No earlier version wrote to the table; its rows come from the raw lines, as
-- all others do, so that `tokgate rebuild` makes those of earlier runs, too.
DROP TABLE alerts;
CREATE TABLE alerts (
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    case_id TEXT NOT NULL,
    arm TEXT NOT NULL,
    number INTEGER NOT NULL,        -- within the case, in the order in which they were raised
    test_id TEXT NOT NULL REFERENCES benchmark_results (test_id),
    rule TEXT NOT NULL,             -- ttft, memory, error_rate, ...
    category TEXT NOT NULL,         -- performance, resource, stability
    level TEXT NOT NULL,            -- yellow, red
    about TEXT NOT NULL,            -- ttft.p50, gpu 0, host, ...
    value REAL,
    bound REAL,
    message TEXT NOT NULL,
    advice TEXT NOT NULL,
    at_s REAL,                      -- in the epoch; NULL where it is about the whole of it
    raised_us INTEGER NOT NULL,
    PRIMARY KEY (run_id, case_id, arm, number)
) STRICT;
CREATE INDEX alerts_by_time ON alerts (raised_us);
