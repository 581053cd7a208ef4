//! Measured tests side by side: which models were measured how fast, one row an epoch.

/// One epoch of a model that was measured, as it is compared with those of other models.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedTest {
    /// Its file and row.
    pub test_id: String,
    /// The invocation.
    pub run_id: String,
    /// The case.
    pub case_id: String,
    /// The machine's key.
    pub machine: String,
    /// How the model was served.
    pub platform: String,
    /// The model, in the words of whoever served it.
    pub model: String,
    /// How many sent at the same time.
    pub workers: u64,
    /// Requests sent.
    pub requests: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
    /// Prompt and output tokens a second; absent where nobody counted them.
    pub total_tok_s: Option<f64>,
    /// Output tokens a second; absent where there are none.
    pub tok_s: Option<f64>,
    /// First sent to last end, seconds.
    pub time_s: f64,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
    /// Whether another tool measured it.
    pub imported: bool,
}

impl ComparedTest {
    /// Share of the requests that succeeded, percent.
    #[must_use]
    pub fn success_percent(&self) -> f64 {
        100.0 * self.succeeded as f64 / self.requests.max(1) as f64
    }
}

/// All tests that may be compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ComparedTests {
    /// The tests, in the order in which they began.
    pub tests: Vec<ComparedTest>,
    /// How many more are kept, and say nothing about a model: INVALID, simulated, of retrieval.
    pub left_out: u64,
}
