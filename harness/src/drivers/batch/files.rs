//! The two files of a batch: the requests that are written, the answers that are read.

use crate::driver::Answer;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use tokgate_core::batch::{self, BadLine, Completion};
use tokgate_core::failure::{Failure, FailureClass};

/// Largest file of answers that is read: a million long answers.
const LARGEST_BYTES: u64 = 8 << 30;

/// One request of a batch (OpenAI, "Batch API", request input object).
pub(super) struct Asked {
    /// Its name, by which its answer is found.
    pub(super) custom_id: String,
    /// The endpoint.
    pub(super) url: String,
    /// The body that the endpoint takes.
    pub(super) body: Map<String, Value>,
}

/// Writes the requests, a line each.
pub(super) fn write(path: &Path, requests: &[&Asked]) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for Asked { custom_id, url, body } in requests {
        let line = json!({ "custom_id": custom_id, "method": "POST", "url": url, "body": body });
        writeln!(file, "{line}")?;
    }
    file.into_inner()?.sync_all()
}

/// What a batch brought.
#[derive(Debug, Default)]
pub(super) struct Answered {
    answers: HashMap<String, Result<Answer, Failure>>,
    /// From the start of the command until it had loaded, seconds.
    pub(super) load_s: Option<f64>,
    /// The model as the answers name it.
    pub(super) model: Option<String>,
    /// Why a request has no answer.
    why: Option<Failure>,
}

impl Answered {
    /// No answers at all, and why.
    pub(super) fn nothing(why: Failure) -> Self {
        Self { why: Some(why), ..Self::default() }
    }

    /// Reads the file of answers; `why` is the failure of requests without one.
    pub(super) fn read(path: &Path, why: Failure) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        if file.metadata()?.len() > LARGEST_BYTES {
            return Err(io::Error::other(format!("larger than {LARGEST_BYTES} bytes")));
        }
        file.take(LARGEST_BYTES).read_to_end(&mut bytes)?;
        let (answers, bad) = batch::read(bytes.split(|byte| *byte == b'\n'));
        tell(path, &bad);
        let mut answered = Self { why: Some(why), ..Self::default() };
        for answer in answers {
            let Some(id) = answer.custom_id else { continue };
            if let Ok(Completion { model: Some(model), .. }) = &answer.outcome {
                answered.model.get_or_insert_with(|| model.clone());
            }
            answered.answers.insert(id, answer.outcome.map(of_completion));
        }
        Ok(answered)
    }

    /// The answer to a request.
    pub(super) fn take(&mut self, custom_id: &str) -> Result<Answer, Failure> {
        let missing =
            || Failure::new(FailureClass::Truncated, "the file of answers has none to it");
        let why = || Err(self.why.clone().unwrap_or_else(missing));
        self.answers.remove(custom_id).unwrap_or_else(why)
    }
}

fn of_completion(completion: Completion) -> Answer {
    let Completion { text, finish_reason, usage, .. } = completion;
    Answer { usage, finish_reason, text, ..Answer::default() }
}

/// Says which lines could not be read.
fn tell(path: &Path, bad: &[BadLine]) {
    const TOLD: usize = 10;
    for line in bad.iter().take(TOLD) {
        tracing::warn!("{}:{}: {}", path.display(), line.line, line.why);
    }
    if bad.len() > TOLD {
        tracing::warn!("{}: {} more lines are no answers", path.display(), bad.len() - TOLD);
    }
}
