//! What the options ask for, checked before anything is written: every value that becomes part of a file
//! is one that cannot mean anything else there.

use super::engine::{Engine, Usual};
use super::{Args, Ci};
use crate::store::ids;
use anyhow::{Result, bail};

/// Longest word of a runner's label, and most of them.
const LONGEST_LABEL: usize = 64;
const MOST_LABELS: usize = 16;
/// Digits of a commit.
const COMMIT_DIGITS: usize = 40;
/// The commit that this program was built from, where whoever built it said so.
const BUILT_FROM: Option<&str> = option_env!("TOKGATE_COMMIT");
/// What stands for a side's folder.
const FOLDER: &str = "{dir}";
/// What stands for the port of a server that is started.
const PORT: &str = "{port}";
/// Builds nothing: files are run as they are checked out.
const NOTHING_TO_BUILD: &str = "true";

/// Where an action of ours, or a crate, comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A commit, by its full hash.
    Commit(String),
    /// The release of this version: all that is known of it.
    Release,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) usual: Usual,
    pub(super) base_url: Option<String>,
    pub(super) model: Option<String>,
    /// The words of the command that starts the server, where the user says it.
    pub(super) launch: Option<Vec<String>>,
    pub(super) build: Option<String>,
    pub(super) machine: Option<String>,
    /// The labels of the machine that measures.
    pub(super) runner: Vec<String>,
    pub(super) ci: Ci,
    pub(super) bench: bool,
    pub(super) origin: Origin,
    /// What the user should know of it all the same.
    pub(super) notes: Vec<String>,
}

impl Wanted {
    /// What the options ask for.
    ///
    /// # Errors
    /// When a value is none of its kind, or two of them contradict each other.
    pub(super) fn of(args: &Args) -> Result<Self> {
        let is_said = args.base_url.is_some() || args.launch.is_some();
        let engine = args.driver.unwrap_or(if is_said { Engine::Openai } else { Engine::Embedded });
        if engine == Engine::Embedded && is_said {
            bail!(
                "`--driver embedded` is a model in this process: it has no address and no command"
            );
        }
        if engine == Engine::Openai && !is_said {
            bail!(
                "where is the server? name it by `--base-url`, or say how it is started by `--launch`"
            );
        }
        let mut wanted = Self {
            usual: engine.usual()?,
            base_url: args.base_url.as_deref().map(address).transpose()?,
            model: args.model.as_deref().map(|text| line("--model", text)).transpose()?,
            launch: args.launch.as_deref().map(words).transpose()?,
            build: args.build.as_deref().map(|text| line("--build", text)).transpose()?,
            machine: args.machine.as_deref().map(machine).transpose()?,
            runner: labels(&args.runner)?,
            ci: args.ci,
            bench: args.bench,
            origin: origin(args.action.as_deref().or(BUILT_FROM))?,
            notes: Vec::new(),
        };
        wanted.settle(engine)?;
        Ok(wanted)
    }

    /// Which of both is started, and what comes of the folders of base and change.
    fn settle(&mut self, engine: Engine) -> Result<()> {
        if self.base_url.is_some() || engine == Engine::Embedded {
            self.usual.launch = None;
        }
        let Some(words) = &self.launch else {
            self.note_what_cannot_differ(engine);
            return Ok(());
        };
        if self.base_url.is_none() && !words.iter().any(|word| word.contains(PORT)) {
            bail!(
                "`--launch` names no {PORT}: tokgate takes a free one and asks the server there. Where it has a \
                 port of its own, name that by `--base-url http://127.0.0.1:PORT/v1`"
            );
        }
        let differs = words.iter().any(|word| word.contains(FOLDER));
        match (&self.build, differs) {
            (None, true) => self.build = Some(NOTHING_TO_BUILD.to_owned()),
            (_, true) => {}
            (_, false) => self.notes.push(format!(
                "`--launch` names no {FOLDER}, the folder of either side: the base and a change would start the same \
                 program, unless it is found by a path of its own"
            )),
        }
        Ok(())
    }

    fn note_what_cannot_differ(&mut self, engine: Engine) {
        let note = match engine {
            Engine::Embedded => {
                "nothing of yours is measured yet, but a model in tokgate's own process: say what by `--launch` or \
                 `--base-url`, with `--force`"
            }
            _ if self.base_url.is_some() => {
                "the server runs already: start one of the base beside it, and name it as `base_url` in tokgate.toml, \
                 or else what seems worse stays inconclusive"
            }
            _ => {
                "the base and a change would start the same server: start it by a script of this repository, \
                 `--launch '{dir}/serve --port {port}'`, for changes of it to be measured"
            }
        };
        self.notes.push(note.to_owned());
    }
}

/// The address of a server, as a scenario takes it.
fn address(text: &str) -> Result<String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let host = host.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let is_plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '"');
    match host {
        Some(host) if is_plain && is_host(host) => Ok(text.to_owned()),
        _ => bail!(
            "`--base-url {}` is no address of a server, such as http://127.0.0.1:8000/v1",
            text.escape_debug()
        ),
    }
}

/// A name or a number of a host, with a port where there is one. What stands before an `@` is a secret, and
/// refused with the scenario.
fn is_host(text: &str) -> bool {
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let (name, port) = match text.rsplit_once(':').filter(|(name, _)| !name.ends_with(':')) {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (text, None),
    };
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let port_is_one = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    !name.is_empty() && name.chars().all(is_name) && port_is_one
}

/// A text that stays on its line.
fn line(option: &str, text: &str) -> Result<String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        bail!("`{option} {}` is empty, or has more than a line", text.escape_debug());
    }
    if text.contains("${{") {
        bail!(
            "`{option}` has `${{{{`, which a workflow would fill in itself; take a variable of the shell"
        );
    }
    Ok(text.to_owned())
}

fn words(text: &str) -> Result<Vec<String>> {
    let text = line("--launch", text)?;
    match shlex::split(&text).filter(|words| !words.is_empty()) {
        Some(words) => Ok(words),
        None => bail!("`--launch {text}` is no command line: a quote is open, or it is empty"),
    }
}

fn machine(key: &str) -> Result<String> {
    match ids::is_plain(key) && key.len() <= LONGEST_LABEL {
        true => Ok(key.to_owned()),
        false => bail!(
            "`--machine {}` cannot be the key of a machine: at most {LONGEST_LABEL} letters, digits, `.`, `_` and `-`",
            key.escape_debug()
        ),
    }
}

fn labels(text: &str) -> Result<Vec<String>> {
    let labels: Vec<String> = text.split(',').map(|label| label.trim().to_owned()).collect();
    let is_label = |label: &String| ids::is_plain(label) && label.len() <= LONGEST_LABEL;
    if labels.len() > MOST_LABELS || !labels.iter().all(is_label) {
        bail!(
            "`--runner {}` is no list of labels, such as self-hosted,gpu: letters, digits, `.`, `_` and `-` in each",
            text.escape_debug()
        );
    }
    Ok(labels)
}

fn origin(commit: Option<&str>) -> Result<Origin> {
    let Some(commit) = commit else { return Ok(Origin::Release) };
    if commit.len() != COMMIT_DIGITS || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        bail!(
            "`--action {}` is no full hash of a commit: {COMMIT_DIGITS} digits",
            commit.escape_debug()
        );
    }
    Ok(Origin::Commit(commit.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port_that_can_be() {
        for good in ["http://127.0.0.1:8000/v1", "https://llm.example.org/v1", "http://[::1]:80/v1"]
        {
            assert_eq!(address(good).unwrap(), good);
        }
        let bad = ["", "127.0.0.1:8000", "ftp://host/", "http://", "http:///v1", "http://h:0/v1"];
        for bad in bad.into_iter().chain([
            "http://h:99999",
            "http://a b/v1",
            "http://h\n/v1",
            "http://h\"/",
        ]) {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn labels_keys_and_commits_are_nothing_but_that() {
        assert_eq!(labels("self-hosted, gpu").unwrap(), ["self-hosted", "gpu"]);
        for bad in ["", "a,,b", "a]", "a b", "${{ x }}", "a\nb"] {
            assert!(labels(bad).is_err(), "{bad:?}");
            assert!(machine(bad).is_err(), "{bad:?}");
        }
        assert!(machine("rtx-4090-x1").is_ok() && machine("../x").is_err());
        assert!(origin(Some("main")).is_err());
        assert_eq!(origin(None).unwrap(), Origin::Release);
    }

    #[test]
    fn a_command_is_one_line_that_no_workflow_fills_in() {
        assert_eq!(words("a 'b c' {port}").unwrap(), ["a", "b c", "{port}"]);
        for bad in ["", " ", "a 'open", "a\nb"] {
            assert!(words(bad).is_err(), "{bad:?}");
        }
        assert!(line("--build", "echo ${{ secrets.X }}").is_err());
    }
}
