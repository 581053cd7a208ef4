//! One run of the command: from the file of requests to the file of answers.

use super::Batch;
use super::files::{self, Answered, Asked};
use crate::launch::{Process, Words};
use crate::recorder::Reply;
use std::path::PathBuf;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};

/// How often a command that works is looked at. Its load time and its end are known to this.
const LOOK: Duration = Duration::from_millis(10);

impl Batch {
    /// Runs the command on `requests`. When it has loaded, the requests count as sent.
    pub(super) async fn run(&self, requests: &[&Asked], replies: &[Reply]) -> Answered {
        match self.try_run(requests, replies).await {
            Ok(answered) => answered,
            Err(why) => Answered::nothing(why),
        }
    }

    async fn try_run(&self, requests: &[&Asked], replies: &[Reply]) -> Result<Answered, Failure> {
        let (input, output) = (self.file("requests"), self.file("answers"));
        let write = || {
            std::fs::create_dir_all(&self.logs)?;
            let _ = std::fs::remove_file(&output);
            files::write(&input, requests)
        };
        write().map_err(|error| ours(format!("cannot write {}: {error}", input.display())))?;
        let mut process = self.start(&input, &output)?;
        let loaded_s = self.wait(&mut process, replies).await?;
        let why = self.ended(&mut process);
        let mut answered = Answered::read(&output, why.clone()).map_err(|error| {
            let message = format!("{}; no answers in {}: {error}", why.message, output.display());
            Failure::new(why.class, message)
        })?;
        answered.load_s = loaded_s;
        Ok(answered)
    }

    fn start(&self, input: &std::path::Path, output: &std::path::Path) -> Result<Process, Failure> {
        let (input, output) = (input.to_string_lossy(), output.to_string_lossy());
        let words =
            Words(&[("input", &*input), ("output", &*output), ("model", self.model.as_str())]);
        let command = words.command(&self.launch, self.secret.as_deref());
        let command = command.map_err(|error| ours(error.to_string()))?;
        let program = command.get_program().to_string_lossy().into_owned();
        Process::start(&command, &self.launch, &self.logs, "batch")
            .map_err(|error| ours(format!("cannot start `{program}` ({error}); is it installed?")))
    }

    /// Waits for the end of the command; how long it loaded, where it says when it had. Of one that
    /// ended before its output was looked at this is not known: all of its time is work then.
    async fn wait(&self, process: &mut Process, replies: &[Reply]) -> Result<Option<f64>, Failure> {
        let (mut loaded_s, mut read) = (None, 0);
        while process.ended().is_none() {
            if process.age_s() > self.launch.timeout_s {
                let message = format!("the command did not end within {} s", self.launch.timeout_s);
                return Err(Failure::new(FailureClass::TimeoutTotal, message));
            }
            let has_loaded = |words: &String| process.log().has(words, &mut read);
            if loaded_s.is_none() && self.launch.ready.as_ref().is_some_and(has_loaded) {
                loaded_s = Some(process.age_s());
                replies.iter().for_each(Reply::sent);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(loaded_s)
    }

    /// Why a request has no answer once the command has ended.
    fn ended(&self, process: &mut Process) -> Failure {
        let status = process.ended().filter(|status| !status.success());
        let log = process.log();
        match status {
            Some(_) if log.tells_of_no_memory() => {
                Failure::new(FailureClass::TargetOom, log.last_words())
            }
            Some(status) => {
                let (words, path) = (log.last_words(), log.path().display());
                ours(format!("the command ended ({status}): {words}; its log is {path}"))
            }
            None => {
                let message = "the file of answers has none to this request";
                Failure::new(FailureClass::Truncated, message)
            }
        }
    }

    /// A file of this batch; the next epoch's takes its place.
    fn file(&self, what: &str) -> PathBuf {
        self.logs.join(format!("batch-{}-{what}.jsonl", std::process::id()))
    }
}

fn ours(message: String) -> Failure {
    Failure::new(FailureClass::Engine, message)
}
