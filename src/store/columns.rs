//! What each table and column of the index means, and in which unit it is; kept here and nowhere else.
//!
//! Names and types are the SQL files'. The columns of `benchmark_results` that are one statistic of one
//! metric are not here: what they mean is the catalogue's to say.

/// A table.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// What one row of it is.
    pub(super) row: &'static str,
    pub(super) columns: &'static [Column],
}

/// A column of it.
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Empty where there is none.
    pub(super) unit: &'static str,
    pub(super) meaning: &'static str,
}

const fn column(name: &'static str, unit: &'static str, meaning: &'static str) -> Column {
    Column { name, unit, meaning }
}

const MICROSECONDS: &str = "µs since 1970, UTC";
const RUN: Column = column("run_id", "", "the invocation; a row of `runs`");
const CASE: Column = column("case_id", "", "the case: `scenario/case/axis=value`");
const ARM: Column = column("arm", "", "`head`, or `base`: the side of a comparison");

/// Every table, in the order of what rests on what.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "runs",
        row: "One invocation.",
        columns: &[
            column("run_id", "", "its name; `tokgate show` takes it"),
            column("scenario", "", "the scenario of its first epoch"),
            column("machine", "", "the machine's key: `rtx-4090-x1`, `cpu-16c-…`"),
            column("started_us", MICROSECONDS, "the start of its first epoch, by the wall clock"),
            column("tool_version", "", "the tokgate that measured"),
            column(
                "git_commit",
                "",
                "the commit of the project that was measured, where there is one",
            ),
            column("hardware_info", "", "what the machine has; JSON"),
        ],
    },
    Table {
        name: "benchmark_results",
        row: "One epoch: one measured pass of a case, and one file of `raw/`. The first twenty columns are \
              those that other tools know.",
        columns: &[
            column("id", "", "in the order of the commits"),
            column("model_name", "", "the model, as its target calls it"),
            column("model_size_params", "", "its parameters, as its name has them: `4b`"),
            column("model_size_bytes", "B", "its size"),
            column(
                "num_workers",
                "count",
                "workers that sent at the same time; of an open load without a cap, as many as there were",
            ),
            column("context_window", "tokens", "longest prompt with its answer"),
            column("num_requests", "count", "measured requests that were sent"),
            column("avg_prompt_tokens", "tokens", "mean of a prompt, rounded"),
            column("avg_completion_tokens", "tokens", "mean of an answer, rounded"),
            column("total_time_seconds", "s", "the measured window"),
            column(
                "requests_per_second",
                "1/s",
                "successful requests by the window; 0 where none was",
            ),
            column(
                "time_per_request_seconds",
                "s",
                "the window by the successful requests; the whole window where none was",
            ),
            column("successful_requests", "count", "requests that succeeded"),
            column("failed_requests", "count", "requests that failed"),
            column("success_rate", "%", "successful requests of those that were sent, 0 to 100"),
            column("sample_responses", "", "the first answers; a JSON array"),
            column("created_at", "s since 1970, UTC", "when the epoch began"),
            column(
                "benchmark_type",
                "",
                "`model_comparison`, `worker_optimization`, …: what varies in the scenario",
            ),
            column("notes", "", "the user's words"),
            column("hardware_info", "", "what the machine has; JSON"),
            column("test_id", "", "the epoch; its file is `raw/<test_id>.jsonl`"),
            RUN,
            CASE,
            column("kind", "", "`generation`, `retrieval`, `embedding` or `rag`"),
            column(
                "epoch",
                "",
                "its number within the case and side, from 0; of a pair, the pair's",
            ),
            column("booking_id", "", "the stretch of time on one machine that runs share"),
            ARM,
            column("started_us", MICROSECONDS, "when it began, by the wall clock"),
            column("ending", "", "`completed`, `interrupted` or `aborted`"),
            column("validity", "", "`VALID` or `INVALID`: whether it may be judged"),
            column("invalid_reasons", "", "why not; a JSON array"),
            column(
                "platform",
                "",
                "how the model was served: `vllm-serve`, `ollama`, `embedded`, …",
            ),
            column("engine", "", "what served it, with its version"),
            column("quantization", "", "that of the weights, where it is known"),
            column("driver", "", "how it was spoken to"),
            column("endpoint", "", "where, for HTTP and databases"),
            column("machine", "", "the machine's key"),
            column("gpu_name", "", "the first GPU"),
            column("gpu_driver", "", "its driver's version"),
            column("concurrency", "count", "as `num_workers`"),
            column("incomplete_requests", "count", "requests that were cut off at the end"),
            column("provenance", "", "`measured` by tokgate, or `imported`, which is never judged"),
            column(
                "imported_from",
                "",
                "the tool that measured it and its file, where it was not tokgate",
            ),
            column(
                "task_category",
                "",
                "what the prompts were about: `coding`, `context_heavy`, `reasoning`",
            ),
            column(
                "instance",
                "",
                "the provider's name of the machine that is measured, as declared",
            ),
            column("gpu_count", "count", "GPUs of the machine that is measured"),
            column("gpu_vram_bytes", "B", "memory of one of them"),
            column("hourly_usd", "USD/h", "what an hour of the machine costs, as declared"),
        ],
    },
    Table {
        name: "cases",
        row: "All epochs of one case on one side of a comparison.",
        columns: &[
            RUN,
            CASE,
            ARM,
            column("kind", "", "`generation`, `retrieval`, `embedding` or `rag`"),
            column("benchmark_type", "", "what varies in the scenario"),
            column("platform", "", "how the model was served"),
            column("model", "", "the model"),
            column("epochs", "count", "epochs"),
            column("valid_epochs", "count", "those that may be judged"),
            column("attempted", "count", "measured requests that were sent"),
            column("succeeded", "count", "those that succeeded"),
            column("failed", "count", "those that failed"),
            column("incomplete", "count", "those that were cut off at the end"),
            column("targets_met", "count", "goals that were met"),
            column("total_targets", "count", "goals in all"),
            column(
                "digest",
                "",
                "SHA-256 of all its rows, by which `tokgate db check --quick` finds a changed one",
            ),
        ],
    },
    Table {
        name: "metrics",
        row: "One statistic of one metric of a case, over all its epochs.",
        columns: &[
            CASE,
            column("metric", "", "its id in [METRICS.md](METRICS.md)"),
            column("stat", "", "`value`, `mean`, `p50`, …"),
            RUN,
            ARM,
            column("unit", "", "the unit of the numbers"),
            column("value", "that of `unit`", "what was measured"),
            column("low", "that of `unit`", "lower end of its 95 % interval"),
            column("high", "that of `unit`", "upper end of it"),
            column("n", "count", "samples that it is of"),
        ],
    },
    Table {
        name: "epoch_metrics",
        row: "The same of one epoch, which has no intervals.",
        columns: &[
            column("result_id", "", "the epoch: `id` of `benchmark_results`"),
            column("metric", "", "its id in [METRICS.md](METRICS.md)"),
            column("stat", "", "`value`, `mean`, `p50`, …"),
            column("unit", "", "the unit of the number"),
            column("value", "that of `unit`", "what was measured"),
            column("n", "count", "samples that it is of"),
        ],
    },
    Table {
        name: "verdicts",
        row: "What the judge said of one metric of a case.",
        columns: &[
            RUN,
            CASE,
            ARM,
            column("metric", "", "the metric with its statistic: `ttft.p50`"),
            column("verdict", "", "`unchanged`, `improved`, `regressed`, `inconclusive`, …"),
            column("why", "", "why, in words"),
            column("base", "that of the metric", "the baseline's value"),
            column("head", "that of the metric", "this run's value"),
            column(
                "effect",
                "1, or that of the metric",
                "the change, positive when worse: a share under a relative tolerance",
            ),
            column("effect_low", "as `effect`", "lower end of its interval"),
            column("effect_high", "as `effect`", "upper end of it"),
            column(
                "mde",
                "as `effect`",
                "the smallest effect that would have been convicted in about four of five tries",
            ),
        ],
    },
    Table {
        name: "alerts",
        row: "What was worth an alert: [ALERTS.md](ALERTS.md).",
        columns: &[
            RUN,
            CASE,
            ARM,
            column("number", "", "within the case, in the order in which they were raised, from 0"),
            column("test_id", "", "the epoch; a row of `benchmark_results`"),
            column("rule", "", "`ttft`, `memory`, `error_rate`, …"),
            column("category", "", "`performance`, `resource` or `stability`"),
            column("level", "", "`yellow` or `red`"),
            column("about", "", "what it is about: `ttft.p50`, `gpu 0`, `host`, …"),
            column("value", "that of `about`", "what was seen"),
            column("bound", "that of `about`", "the line that it crossed"),
            column("message", "", "what happened, in words"),
            column("advice", "", "what may help"),
            column("at_s", "s", "when in the epoch; nothing where it is about the whole of it"),
            column("raised_us", MICROSECONDS, "when, by the wall clock"),
        ],
    },
    Table {
        name: "machines",
        row: "A machine that tokgate measured, by its latest epoch.",
        columns: &[
            column("machine", "", "its key: `rtx-4090-x1`, `cpu-16c-…`"),
            column("gpu_name", "", "its first GPU"),
            column("gpu_count", "count", "its GPUs"),
            column("gpu_vram_bytes", "B", "memory of one of them"),
            column(
                "hardware_info",
                "",
                "what the machine that sent the requests has, which is the same one unless the target is \
                 elsewhere; JSON",
            ),
            column("first_us", MICROSECONDS, "the start of its first epoch"),
            column("last_us", MICROSECONDS, "the start of its latest epoch"),
        ],
    },
    Table {
        name: "histograms",
        row: "How a latency of a case was spread over all its epochs.",
        columns: &[
            CASE,
            column("metric", "", "its id in [METRICS.md](METRICS.md)"),
            RUN,
            ARM,
            column("n", "count", "samples"),
            column(
                "hdr",
                "ns",
                "an HdrHistogram in its V2 encoding, of three significant digits: its percentiles are \
                 within 0.1 % of those in `metrics`, which are exact",
            ),
        ],
    },
];
