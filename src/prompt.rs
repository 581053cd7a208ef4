//! One prompt, measured once: for whoever wants a figure and no scenario.
//!
//! It is one epoch of one request, through the same harness, driver and recorder as every other: what
//! is said of its first token means what it means everywhere. Nothing is kept, and one request proves
//! nothing: a run has many of them, and says how sure it is.

use std::panic::resume_unwind;
use std::sync::mpsc::channel;
use std::time::Duration;
use tokgate_core::case::{
    Case, CaseId, Dataset, DriverKind, Gate, PromptSet, PromptSource, Requires, RunSettings,
    Target, Workload,
};
use tokgate_core::failure::Failure;
use tokgate_core::metric::{self, Kind};
pub use tokgate_core::record::Counted;
use tokgate_core::record::{Outcome, Record};
use tokgate_core::run::Ending;
use tokgate_core::summary::sample;
use tokgate_harness::driver::OpenError;
use tokgate_harness::measure::{Epoch, Harness};
use tokgate_harness::part::Part;
use tokgate_harness::stop::Stop;

/// Most tokens that an answer may have: what prompts of people are usually answered with fits.
const MOST_TOKENS: u32 = 512;

/// What one prompt brought.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptMeasured {
    /// The model, as the server calls it.
    pub model: String,
    /// Output tokens a second, from the first byte sent to the end of the answer; absent where nobody
    /// counted them.
    pub tok_s: Option<f64>,
    /// Time to the first token, seconds; absent where none came.
    pub ttft_s: Option<f64>,
    /// From the first byte sent to the end of the answer, seconds.
    pub time_s: f64,
    /// Tokens of the prompt, where somebody counted them.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, where somebody counted them. The number of events is none.
    pub output_tokens: Option<u64>,
    /// Who did.
    pub counted: Option<Counted>,
    /// Why the server stopped, in its own word.
    pub finish_reason: Option<String>,
    /// The beginning of the answer.
    pub answer: Option<String>,
}

/// Why a prompt was not measured.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The server cannot be asked at all; the message says what to do.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The request failed.
    #[error("{0}{advice}", advice = advice(.0))]
    Failed(Failure),
    /// The request was not even sent.
    #[error("the prompt was not sent: {0}")]
    NotSent(String),
    /// The operating system refuses what it takes to wait for a server.
    #[error("cannot wait for a server: {0}")]
    System(#[from] std::io::Error),
}

fn advice(failure: &Failure) -> String {
    failure.class.advice().map(|advice| format!("; {advice}")).unwrap_or_default()
}

/// Sends one prompt to the chat of an OpenAI-compatible server and measures its answer, of at most 512
/// tokens. The base URL has its `/v1`. The request may take `timeout`; before and after it the server
/// is asked who it is, which has deadlines of its own, of a few seconds.
///
/// # Errors
/// When the server cannot be asked, has no such model, or the request fails: also when it takes longer
/// than `timeout`.
///
/// ```
/// use std::time::Duration;
/// use tokgate::choice::cost_per_1k_tokens;
/// use tokgate::{mock, prompt};
///
/// // A server that plays a model; a real one is asked in the same way.
/// let server = mock::Server::start(mock::Options::from_arguments("--itl-ms 1")?)?;
/// let (url, patience) = (server.base_url(), Duration::from_secs(60));
/// let measured = prompt::measure(&url, "mock", "Why is the sky blue?", patience)?;
/// assert_eq!(measured.counted, Some(prompt::Counted::Server));
/// let tok_s = measured.tok_s.expect("the server counts its tokens");
/// let usd = cost_per_1k_tokens(tok_s, 3.00).expect("there were some");
/// println!("{tok_s:.1} tok/s, {usd:.4} USD for 1000 tokens at 3 USD an hour");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn measure(
    base_url: &str,
    model: &str,
    prompt: &str,
    timeout: Duration,
) -> Result<PromptMeasured, PromptError> {
    let case = case(base_url, model, prompt, timeout);
    // The harness drives a runtime of its own, which a caller's may not have around it.
    let measured = std::thread::scope(|scope| scope.spawn(|| measured(&case)).join());
    measured.unwrap_or_else(|panic| resume_unwind(panic))
}

fn measured(case: &Case) -> Result<PromptMeasured, PromptError> {
    let mut harness = Harness::new()?;
    let case = harness.prepare(case)?;
    let stop = Stop::default();
    let driver = harness.open(&case, &stop)?;
    let epoch = Epoch {
        case: &case,
        driver: &*driver,
        salt: "",
        number: 0,
        part: Part::WHOLE,
        stop: &stop,
    };
    let (sink, records) = channel();
    let ending = harness.measure(&epoch, Vec::new(), &sink).ending;
    let record = records.try_recv().map_err(|_| PromptError::NotSent(why(ending)))?;
    told(driver.identity().model, record)
}

/// Why nothing came of an epoch.
fn why(ending: Ending) -> String {
    match ending {
        Ending::Aborted(why) => why,
        Ending::Completed | Ending::Interrupted => "it was stopped before".to_owned(),
    }
}

fn told(model: String, record: Record) -> Result<PromptMeasured, PromptError> {
    match record.outcome {
        Outcome::Success => {}
        Outcome::Failed(failure) => return Err(PromptError::Failed(failure)),
        Outcome::Incomplete => return Err(PromptError::NotSent(why(Ending::Interrupted))),
    }
    let time_s = record.done.seconds_since(record.sent);
    let usage = record.usage.as_ref();
    let output_tokens = usage.map(|usage| usage.completion_tokens);
    Ok(PromptMeasured {
        model,
        tok_s: output_tokens.filter(|_| time_s > 0.0).map(|tokens| tokens as f64 / time_s),
        ttft_s: sample(&metric::TTFT, &record),
        time_s,
        prompt_tokens: usage.map(|usage| usage.prompt_tokens),
        output_tokens,
        counted: usage.map(|usage| usage.counted),
        finish_reason: record.finish_reason,
        answer: record.sample,
    })
}

/// One request, without warm-up and without salt.
fn case(base_url: &str, model: &str, prompt: &str, timeout: Duration) -> Case {
    let prompts = PromptSet {
        source: PromptSource::Prompts { prompts: vec![prompt.to_owned()] },
        ..PromptSet::synthetic(1, MOST_TOKENS)
    };
    Case {
        id: CaseId::new("prompt", "one", &[]),
        kind: Kind::Generation,
        target: Target {
            base_url: Some(base_url.to_owned()),
            model: Some(model.to_owned()),
            ..Target::of(DriverKind::Openai)
        },
        dataset: Dataset::Prompts(prompts),
        workload: Workload::closed(1, 1, 1, 0),
        retrieval: None,
        embedding: None,
        rag: None,
        run: RunSettings {
            epochs: 1,
            timeout_s: timeout.as_secs_f64(),
            seed: 0,
            salt: false,
            telemetry_interval_s: 0.1,
            energy_interval_s: 1.0,
            server_metrics: false,
            dcgm_url: None,
            spike_of: "itl".to_owned(),
            html_report: false,
        },
        requires: Requires::default(),
        goals: Vec::new(),
        pressure: None,
        slos: Vec::new(),
        gate: Gate::default(),
        validity: tokgate_core::validity::Limits::default(),
        quality: tokgate_core::quality::Settings { sample_responses: 1, ..Default::default() },
        alerts: tokgate_core::alert::Settings::default(),
        benchmark_type: "single".to_owned(),
        notes: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Options, Server};

    fn server(options: &str) -> Server {
        Server::start(Options::from_arguments(options).unwrap()).unwrap()
    }

    fn ask(server: &Server, model: &str, timeout_ms: u64) -> Result<PromptMeasured, PromptError> {
        measure(&server.base_url(), model, "How are you?", Duration::from_millis(timeout_ms))
    }

    #[test]
    fn one_prompt_is_measured_and_says_what_the_server_did() {
        let server = server("--ttft-ms 20 --itl-ms 0.1");
        let found = ask(&server, "mock", 60_000).unwrap();
        let truth = server.truth();
        assert_eq!(found.counted, Some(Counted::Server));
        assert_eq!(found.output_tokens, Some(u64::from(MOST_TOKENS)));
        assert_eq!(truth.counts.requests, 1, "nothing else was generated");
        let tok_s = found.output_tokens.unwrap() as f64 / found.time_s;
        assert_eq!(found.tok_s, Some(tok_s));
        // The server does not send before that, however slow this machine is.
        assert!(found.ttft_s.is_some_and(|ttft| (0.02..found.time_s).contains(&ttft)), "{found:?}");
        assert!(found.answer.is_some_and(|answer| !answer.is_empty()));
    }

    #[test]
    fn a_server_that_counts_nothing_leaves_the_rate_absent() {
        let found = ask(&server("--usage never --ttft-ms 1 --itl-ms 0.1"), "mock", 60_000).unwrap();
        assert_eq!((found.tok_s, found.output_tokens, found.counted), (None, None, None));
        assert!(found.ttft_s.is_some());
    }

    #[test]
    fn what_fails_says_why_and_what_to_do() {
        let slow = server("--ttft-ms 60000");
        let error = ask(&slow, "mock", 200).unwrap_err();
        assert!(
            matches!(&error, PromptError::Failed(failure) if failure.class.is_timeout()),
            "{error}"
        );
        let unknown = ask(&slow, "nobody's", 200).unwrap_err().to_string();
        assert!(unknown.contains("nobody's") && unknown.contains("mock"), "{unknown}");
        let nobody =
            measure("http://127.0.0.1:9/v1", "m", "x", Duration::from_secs(1)).unwrap_err();
        assert!(matches!(nobody, PromptError::Open(_)), "{nobody}");
    }

    #[test]
    fn it_may_be_called_where_a_runtime_is_already_running() {
        let server = server("--ttft-ms 1 --itl-ms 0.1");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async { ask(&server, "mock", 60_000) });
        assert!(found.is_ok(), "{found:?}");
    }
}
