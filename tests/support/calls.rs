//! The program called in a results folder, and what it says.

use crate::faces::{code, command, text};
use crate::support::undisturbed;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// The results folder of a project in `folder`.
pub(crate) const RESULTS: &str = "r";

/// A call, with the results folder named.
pub(crate) fn call(folder: &Path, arguments: &[&str]) -> Output {
    let all = [arguments, &["--results-dir", RESULTS]].concat();
    command(folder, &all).output().unwrap()
}

/// What it says on both streams, after it ended with this code.
pub(crate) fn ends(folder: &Path, arguments: &[&str], exit: i32) -> String {
    let output = call(folder, arguments);
    let told = told(&output);
    assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
    told
}

/// A measurement that the host did not disturb, and that ended with this code.
pub(crate) fn measures(folder: &Path, arguments: &[&str], exit: i32) -> String {
    let output = undisturbed(|| call(folder, arguments));
    let told = told(&output);
    assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
    told
}

pub(crate) fn told(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

/// The JSON objects of a stream, a line each; what is torn is none.
pub(crate) fn objects(stream: &str) -> Vec<Value> {
    stream.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The cases that were announced.
pub(crate) fn announced(events: &[Value]) -> Vec<Value> {
    let done = events.iter().filter(|event| event["event"] == "case_done");
    done.map(|event| event["case"].clone()).collect()
}

/// The cases of a run, as it is shown.
pub(crate) fn shown(folder: &Path, run: &str) -> Vec<Value> {
    objects(&text(&call(folder, &["show", run, "--json"]).stdout))
}

/// The runs that were begun, by name.
pub(crate) fn begun(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join(RESULTS).join("runs")) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut runs: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .filter(|name| !name.ends_with(".end"))
        .collect();
    runs.sort();
    runs
}

/// A measurement that goes on, and its events as they come.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let all = [arguments, &["--format", "jsonl", "--results-dir", RESULTS]].concat();
        let mut child =
            command(folder, &all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let reader = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            reader.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it said until it had ended.
    pub(crate) fn rest(mut self) -> (Vec<Value>, Output) {
        let mut stderr = String::new();
        let stream = self.child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut BufReader::new(stream), &mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        let events = objects(&self.lines.iter().collect::<Vec<_>>().join("\n"));
        (events, Output { status, stdout: Vec::new(), stderr: stderr.into_bytes() })
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn killed(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.rest().0
    }
}
