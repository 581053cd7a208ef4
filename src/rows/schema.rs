//! The columns of the rows, once: what the writer writes in this order, what the reader insists on, and the
//! reference that is made of both.

use std::fmt::Write as _;

/// Number of the columns' version. A column that is added, dropped or means something else counts up.
pub const VERSION: u32 = 1;

/// Where a file says the version of its columns.
pub const VERSION_KEY: &str = "tokgate.rows.version";

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A signed number of 64 bits.
    Int,
    /// A floating point number of 64 bits.
    Real,
    /// True or false.
    Flag,
    /// UTF-8.
    Text,
}

impl Kind {
    /// The name of the type in Parquet.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Int => "INT64",
            Self::Real => "DOUBLE",
            Self::Flag => "BOOLEAN",
            Self::Text => "STRING",
        }
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether a row may have none.
    pub is_optional: bool,
    /// Empty where there is none.
    pub unit: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

/// A table: one folder of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name, and that of its folder.
    pub name: &'static str,
    /// What one row of it is.
    pub row: &'static str,
    /// Its columns; the first are the [`KEYS`].
    pub columns: &'static [Column],
}

/// Columns that every row of a file has alike: run, case, worker, epoch and arm.
pub const KEYS: usize = 5;

impl Table {
    /// The columns that differ from row to row.
    #[must_use]
    pub fn own(&self) -> &'static [Column] {
        &self.columns[KEYS..]
    }
}

const fn always(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    meaning: &'static str,
) -> Column {
    Column { name, kind, is_optional: false, unit, meaning }
}

const fn maybe(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    meaning: &'static str,
) -> Column {
    Column { name, kind, is_optional: true, unit, meaning }
}

use Kind::{Flag, Int, Real, Text};

const RUN: Column = always("run", Text, "", "the invocation, the same for all its workers");
const CASE: Column = always("case", Text, "", "the case: `scenario/case/axis=value`");
const WORKER: Column =
    always("worker", Int, "", "which of the processes that share the load sent it, from 0");
const EPOCH: Column = always("epoch", Int, "", "which pass over the case, from 0");
const ARM: Column = always("arm", Text, "", "`head`, or `base`: the side of a comparison");
const PHASE: Column = always("phase", Text, "", "`warmup`, `probe` (of a search) or `measured`");
const TRIAL: Column = maybe("trial", Int, "", "which trial of a search it belongs to, from 0");
const ORDINAL: Column = always(
    "ordinal",
    Int,
    "",
    "number of the request in its phase and trial, in the order of the plan",
);

/// One row a request.
pub const REQUESTS: Table = Table {
    name: "requests",
    row: "One request, from plan to end. In the order of phase (`warmup`, `probe`, `measured`), trial and \
          ordinal.",
    columns: &[
        RUN,
        CASE,
        WORKER,
        EPOCH,
        ARM,
        PHASE,
        TRIAL,
        ORDINAL,
        always("sender", Int, "", "which of a closed loop's senders sent it; 0 under open load"),
        always("due_ns", Int, "ns", "when it was planned"),
        always("sent_ns", Int, "ns", "when its first byte was written"),
        maybe("head_ns", Int, "ns", "when the response head arrived"),
        always("done_ns", Int, "ns", "when it ended"),
        always("outcome", Text, "", "`success`, `failed` or `incomplete` (cut off by the end)"),
        maybe("failure_class", Text, "", "what kind of failure: `timeout-head`, `status`, ..."),
        maybe("failure", Text, "", "what was seen"),
        maybe(
            "prompt_tokens",
            Int,
            "tokens",
            "tokens of the prompt, or of the texts that were embedded",
        ),
        maybe("completion_tokens", Int, "tokens", "tokens of the answer"),
        maybe("cached_tokens", Int, "tokens", "prompt tokens answered from the target's cache"),
        maybe("counted", Text, "", "who counted: `server` or `client`"),
        maybe("recount_prompt_tokens", Int, "tokens", "the prompt by a tokenizer of ours"),
        maybe("recount_completion_tokens", Int, "tokens", "the answer by a tokenizer of ours"),
        maybe("requested_tokens", Int, "tokens", "output tokens asked for"),
        maybe("finish_reason", Text, "", "why the target stopped, in its own word"),
        maybe(
            "sample",
            Text,
            "",
            "the answer's text, of the first requests, as far as the case keeps it",
        ),
        always("counts", Flag, "", "whether it is a measured success, and so enters the metrics"),
        always("events", Int, "", "how many events came: its rows of `events`"),
        maybe("ttft_ns", Int, "ns", "time to first token: first content − sent; of successes"),
        maybe("e2e_ns", Int, "ns", "last content − sent; of successes"),
        maybe(
            "rest",
            Text,
            "",
            "JSON of what no column has: the server's own usage, what the text is like, \
               neighbours, vectors, the parts of a question (ns), and counts that 63 bits do not hold",
        ),
    ],
};

/// One row an event.
pub const EVENTS: Table = Table {
    name: "events",
    row: "One event of an answer's stream, stamped at the socket read that completed it. In the order of \
          their requests, then of `index`.",
    columns: &[
        RUN,
        CASE,
        WORKER,
        EPOCH,
        ARM,
        PHASE,
        TRIAL,
        ORDINAL,
        always("index", Int, "", "number of the event in its answer, from 0"),
        always("at_ns", Int, "ns", "when it had arrived"),
        always(
            "kind",
            Text,
            "",
            "`content`, `reasoning`, `tool_call`, `refusal`, `whole` (not streamed) or `other` (no content)",
        ),
        maybe("tokens", Int, "tokens", "tokens in it, where the target said so"),
        always("counts", Flag, "", "whether its request is a measured success"),
        maybe(
            "gap_ns",
            Int,
            "ns",
            "time since the content event before, what inter-token latency is made of; absent for the first, \
             and for what is no content",
        ),
    ],
};

/// One row an epoch of a worker.
pub const EPOCHS: Table = Table {
    name: "epochs",
    row: "One epoch of one worker: what was measured, on what, at which price. One row a file.",
    columns: &[
        RUN,
        CASE,
        WORKER,
        EPOCH,
        ARM,
        always("test_id", Text, "", "the epoch's own name"),
        always("scenario", Text, "", "the scenario"),
        always("booking", Text, "", "the stretch of time on one machine"),
        always("started_us", Int, "µs since 1970, UTC", "when it began, by the wall clock"),
        always("origin_ns", Int, "ns", "the load's common beginning, by the worker's own clock"),
        maybe(
            "commit",
            Text,
            "",
            "the commit of the project that was measured, where there is one",
        ),
        always("tool_version", Text, "", "the tokgate that measured"),
        always("platform", Text, "", "`vllm-serve`, `llama-cpp`, `embedded`, ..."),
        always("model", Text, "", "the model, as its target calls it"),
        always("engine", Text, "", "name and version of the server or engine"),
        maybe("quantization", Text, "", "as the engine computes with it"),
        always("machine", Text, "", "the machine's key"),
        maybe("gpu", Text, "", "the card, where there is one"),
        always("gpus", Int, "", "how many cards the machine has"),
        always("cpu", Text, "", "the processor"),
        maybe("usd_per_hour", Real, "USD/h", "what the machine costs"),
        maybe("usd_per_million_prompt_tokens", Real, "USD", "of a hosted model"),
        maybe("usd_per_million_output_tokens", Real, "USD", "of a hosted model"),
        always("ending", Text, "", "`completed`, `interrupted` or `aborted`"),
        always("validity", Text, "", "`VALID` or `INVALID`: what is invalid is judged by nobody"),
        maybe(
            "window_ns",
            Int,
            "ns",
            "from the first sent to the last end, over measured requests",
        ),
        always("attempted", Int, "", "measured requests"),
        always("succeeded", Int, "", "of them, answered to the end"),
        always("failed", Int, "", "of them, failed"),
        always("incomplete", Int, "", "of them, cut off by the end"),
    ],
};

/// All of them.
pub const TABLES: [Table; 3] = [REQUESTS, EVENTS, EPOCHS];

/// The reference of every table and column, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::new();
    for table in TABLES {
        let _ = write!(
            text,
            "## `{}`\n{}\n\n| column | type | unit | meaning |\n|---|---|---|---|\n",
            table.name, table.row
        );
        for Column { name, kind, is_optional, unit, meaning } in table.columns {
            let optional = if *is_optional { ", optional" } else { "" };
            let kind = kind.as_str();
            let _ = writeln!(text, "| `{name}` | {kind}{optional} | {unit} | {meaning} |");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_begins_with_the_same_columns_and_has_each_name_once() {
        for table in TABLES {
            assert_eq!(table.columns[..KEYS], [RUN, CASE, WORKER, EPOCH, ARM], "{}", table.name);
            let mut names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", table.name);
        }
    }
}
