-- Results of other tools beside ours, and what questions are asked by: what a machine was rented as, what
-- its prompts were about, how its latencies were spread. Rows of earlier versions have none of it until
-- `tokgate rebuild` makes them from their raw lines.
ALTER TABLE benchmark_results ADD COLUMN provenance TEXT NOT NULL DEFAULT 'measured';
ALTER TABLE benchmark_results ADD COLUMN imported_from TEXT;
ALTER TABLE benchmark_results ADD COLUMN task_category TEXT;
ALTER TABLE benchmark_results ADD COLUMN instance TEXT;
ALTER TABLE benchmark_results ADD COLUMN gpu_count INTEGER;
ALTER TABLE benchmark_results ADD COLUMN gpu_vram_bytes INTEGER;
ALTER TABLE benchmark_results ADD COLUMN hourly_usd REAL;
-- SHA-256 of all rows of the case.
ALTER TABLE cases ADD COLUMN digest TEXT;

-- A machine that was measured, by its latest epoch.
CREATE TABLE machines (
    machine TEXT PRIMARY KEY,
    gpu_name TEXT,
    gpu_count INTEGER,
    gpu_vram_bytes INTEGER,
    hardware_info TEXT,             -- JSON
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL
) STRICT;
CREATE INDEX benchmark_results_by_machine ON benchmark_results (machine, started_us);

-- How a latency of a case was spread over all its epochs.
CREATE TABLE histograms (
    case_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    arm TEXT NOT NULL,
    n INTEGER NOT NULL,
    hdr BLOB NOT NULL,              -- HdrHistogram, V2; nanoseconds
    PRIMARY KEY (case_id, metric, run_id, arm)
) STRICT, WITHOUT ROWID;
