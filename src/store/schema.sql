-- The index over raw/*.jsonl. Names carry their unit; shares are between 0 and 1 except where a
-- column says percent; *_us are microseconds and created_at is seconds since 1970, UTC.

-- One invocation.
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    scenario TEXT NOT NULL,
    machine TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    tool_version TEXT NOT NULL,
    git_commit TEXT,
    hardware_info TEXT NOT NULL     -- JSON
) STRICT;

-- One epoch. First the columns that other tools know, then ours.
CREATE TABLE benchmark_results (
    id INTEGER PRIMARY KEY,
    model_name TEXT NOT NULL,
    model_size_params TEXT,
    model_size_bytes INTEGER,
    num_workers INTEGER NOT NULL,
    context_window INTEGER,
    num_requests INTEGER NOT NULL,
    avg_prompt_tokens INTEGER,
    avg_completion_tokens INTEGER,
    total_time_seconds REAL NOT NULL,
    requests_per_second REAL NOT NULL,
    time_per_request_seconds REAL NOT NULL,
    successful_requests INTEGER NOT NULL,
    failed_requests INTEGER NOT NULL,
    success_rate REAL NOT NULL,     -- percent
    sample_responses TEXT,          -- JSON array
    created_at INTEGER NOT NULL,
    benchmark_type TEXT NOT NULL,
    notes TEXT,
    hardware_info TEXT,             -- JSON
    test_id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    case_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    booking_id TEXT NOT NULL,
    arm TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    ending TEXT NOT NULL,
    validity TEXT NOT NULL,
    invalid_reasons TEXT,           -- JSON array
    platform TEXT NOT NULL,
    engine TEXT NOT NULL,
    quantization TEXT,
    driver TEXT NOT NULL,           -- how it was spoken to
    endpoint TEXT,                  -- where, for HTTP
    machine TEXT NOT NULL,
    gpu_name TEXT,
    gpu_driver TEXT,
    concurrency INTEGER NOT NULL,
    incomplete_requests INTEGER NOT NULL,
    error_rate REAL,
    tok_s REAL,
    total_tok_s REAL,
    req_s REAL,
    ttft_p50_s REAL,
    ttft_p95_s REAL,
    ttft_p99_s REAL,
    itl_p50_s REAL,
    itl_p99_s REAL,
    tpot_p50_s REAL,
    e2e_p50_s REAL,
    e2e_p99_s REAL,
    spike_rate REAL,
    query_p50_s REAL,
    query_p95_s REAL,
    query_p99_s REAL,
    qps REAL,
    recall_at_10 REAL,
    peak_rss_bytes REAL,
    gpu_mem_peak_bytes REAL,
    gpu_util_mean REAL,
    energy_j REAL,
    model_load_s REAL
) STRICT;
CREATE INDEX benchmark_results_by_run ON benchmark_results (run_id);
CREATE INDEX benchmark_results_by_model ON benchmark_results (model_name, created_at);
CREATE INDEX benchmark_results_by_case ON benchmark_results (case_id, started_us);

-- All epochs of one case on one side of a comparison.
CREATE TABLE cases (
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    case_id TEXT NOT NULL,
    arm TEXT NOT NULL,
    kind TEXT NOT NULL,
    benchmark_type TEXT NOT NULL,
    platform TEXT NOT NULL,
    model TEXT NOT NULL,
    epochs INTEGER NOT NULL,
    valid_epochs INTEGER NOT NULL,
    attempted INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    incomplete INTEGER NOT NULL,
    targets_met INTEGER NOT NULL,
    total_targets INTEGER NOT NULL,
    PRIMARY KEY (run_id, case_id, arm)
) STRICT;

-- Every statistic of every metric of a case, in the order in which histories ask for it.
CREATE TABLE metrics (
    case_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    stat TEXT NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    arm TEXT NOT NULL,
    unit TEXT NOT NULL,
    value REAL NOT NULL,
    low REAL,
    high REAL,
    n INTEGER NOT NULL,
    PRIMARY KEY (case_id, metric, stat, run_id, arm)
) STRICT, WITHOUT ROWID;

-- The same of one epoch, which has no intervals.
CREATE TABLE epoch_metrics (
    result_id INTEGER NOT NULL REFERENCES benchmark_results (id),
    metric TEXT NOT NULL,
    stat TEXT NOT NULL,
    unit TEXT NOT NULL,
    value REAL NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (result_id, metric, stat)
) STRICT, WITHOUT ROWID;

-- What the judge said; effects are positive when worse.
CREATE TABLE verdicts (
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    case_id TEXT NOT NULL,
    arm TEXT NOT NULL,
    metric TEXT NOT NULL,           -- with its statistic: ttft.p50
    verdict TEXT NOT NULL,
    why TEXT NOT NULL,
    base REAL,
    head REAL,
    effect REAL,
    effect_low REAL,
    effect_high REAL,
    PRIMARY KEY (run_id, case_id, arm, metric)
) STRICT;

-- What was worth a warning while or after measuring.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    case_id TEXT,
    test_id TEXT REFERENCES benchmark_results (test_id),
    category TEXT NOT NULL,         -- performance, resource, stability
    metric TEXT,
    value REAL,
    bound REAL,
    message TEXT NOT NULL,
    raised_us INTEGER NOT NULL,
    cleared_us INTEGER
) STRICT;
CREATE INDEX alerts_by_run ON alerts (run_id);
