//! The files that a project gets, as text: templates, with what the project says in the places of
//! `@WORDS@`. Nothing is read or written here.

use super::Ci;
use super::wanted::{Origin, Wanted};
use toml::{Table, Value};

/// The scenario's name.
pub(super) const SCENARIO: &str = "gate";
/// Where the scenario goes.
pub(super) const SCENARIO_FILE: &str = "scenarios/gate.toml";
/// Where the settings go.
pub(super) const SETTINGS_FILE: &str = "tokgate.toml";
/// What commits, and nobody, should know of.
pub(super) const IGNORED: &str = "results/";
/// The bench target's file.
pub(super) const BENCH_FILE: &str = "benches/scenarios.rs";
/// The bench target.
pub(super) const BENCH: &str = include_str!("templates/scenarios.rs");
/// What GitLab's own file takes in.
pub(super) const GITLAB_FILE: &str = ".gitlab-ci.tokgate.yml";
/// What our action is called.
const REPOSITORY: &str = "tokgate/tokgate";
/// The version whose release an action without a version takes.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Labels that GitHub gives, and nobody has to declare.
const KNOWN_LABELS: [&str; 7] = ["self-hosted", "linux", "macos", "windows", "x64", "arm", "arm64"];

/// A file, below the project's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) text: String,
}

/// Everything that differs between the workflows of two projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// The names of the workflows that measure, tell and propose.
    pub(super) names: [&'static str; 3],
    /// What a step uses, with its version as a comment.
    pub(super) action: String,
    /// The action's input `version`, where it is not its own release.
    pub(super) version: Option<&'static str>,
    pub(super) runner: Vec<String>,
    /// Whose comment and check run it is; also what is measured on one at a time.
    pub(super) gate: String,
    pub(super) machine: Option<String>,
    pub(super) build: Option<String>,
    pub(super) scenarios: &'static str,
}

/// All files of a project, but for those that are added to.
pub(super) fn files(wanted: &Wanted) -> Vec<File> {
    let mut files = vec![
        File { path: SCENARIO_FILE, text: scenario(wanted) },
        File { path: SETTINGS_FILE, text: settings(wanted) },
    ];
    let project = Settings::of(wanted);
    match wanted.ci {
        Ci::Github => {
            let paths = [
                ".github/workflows/tokgate-bench.yml",
                ".github/workflows/tokgate-report.yml",
                ".github/workflows/tokgate-baseline.yml",
            ];
            let texts = project.workflows();
            files.extend(paths.into_iter().zip(texts).map(|(path, text)| File { path, text }));
            files.extend(labels(&wanted.runner));
        }
        Ci::Gitlab => {
            let text = project.filled(include_str!("templates/gitlab.yml"));
            files.push(File { path: GITLAB_FILE, text });
        }
        Ci::None => {}
    }
    if wanted.bench {
        files.push(File { path: BENCH_FILE, text: BENCH.to_owned() });
    }
    files
}

/// What tells actionlint of labels that it cannot know; nothing where there are none.
fn labels(runner: &[String]) -> Option<File> {
    let own = runner.iter().filter(|label| !KNOWN_LABELS.contains(&label.to_lowercase().as_str()));
    let own: Vec<&str> = own.map(String::as_str).collect();
    (!own.is_empty()).then(|| File {
        path: ".github/actionlint.yaml",
        text: include_str!("templates/actionlint.yaml").replace("@LABELS@", &quoted(&own)),
    })
}

/// Words of a YAML list. They are plain, but some of those mean something else without quotes.
fn quoted(words: &[&str]) -> String {
    let plain = |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic());
    let special = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let one = |word: &&str| match plain(word) && !special.contains(&word.to_lowercase().as_str()) {
        true => (*word).to_owned(),
        false => format!("'{word}'"),
    };
    words.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Settings {
    fn of(wanted: &Wanted) -> Self {
        Self {
            names: ["tokgate-bench", "tokgate-report", "tokgate-baseline"],
            action: match &wanted.origin {
                Origin::Commit(hash) => format!("{REPOSITORY}@{hash} # v{VERSION}"),
                Origin::Release => format!("{REPOSITORY}@v{VERSION}"),
            },
            version: None,
            runner: wanted.runner.clone(),
            gate: wanted.machine.clone().unwrap_or_else(|| SCENARIO.to_owned()),
            machine: wanted.machine.clone(),
            build: wanted.build.clone().filter(|build| build != "true"),
            scenarios: SCENARIO,
        }
    }

    /// The workflows that measure, tell and propose.
    pub(super) fn workflows(&self) -> [String; 3] {
        let templates = [
            include_str!("templates/bench.yml"),
            include_str!("templates/report.yml"),
            include_str!("templates/baseline.yml"),
        ];
        templates.map(|template| self.filled(template))
    }

    /// The template with what this project says. What is filled in holds no places of its own, but for the
    /// build, which is the last.
    fn filled(&self, template: &str) -> String {
        let [bench, report, baseline] = self.names;
        let runner: Vec<&str> = self.runner.iter().map(String::as_str).collect();
        let version = self.version.map(|version| format!("          version: {version}\n"));
        let machine = self.machine.as_deref();
        let environment = match (machine, template.contains("resource_group")) {
            (None, _) => String::new(),
            (Some(key), true) => format!("    TOKGATE_MACHINE: '{key}'\n"),
            (Some(key), false) => format!("    env:\n      TOKGATE_MACHINE: '{key}'\n"),
        };
        let build = self.build.as_deref().map(|build| {
            format!(
                "      - name: Build what is measured\n        run: |\n          {}\n",
                build.trim()
            )
        });
        template
            .replace("@BENCH@", bench)
            .replace("@REPORT@", report)
            .replace("@BASELINE@", baseline)
            .replace("@ACTION@", &self.action)
            .replace("@VERSION_LINE@", &version.unwrap_or_default())
            .replace("@RUNNER@", &quoted(&runner))
            .replace("@RUNNER_JSON@", &serde_json::json!(runner).to_string())
            .replace("@GATE@", &self.gate)
            .replace("@MACHINE_ENV@", &environment)
            .replace("@MACHINE@", machine.unwrap_or_default())
            .replace("@SCENARIOS@", self.scenarios)
            .replace("@BUILD_STEP@", &build.unwrap_or_default())
    }
}

fn scenario(wanted: &Wanted) -> String {
    include_str!("templates/scenario.toml").replace("@TARGET@", &target(wanted))
}

/// `[target]` and `[target.launch]`, line by line, so that a person reads them in the usual order.
fn target(wanted: &Wanted) -> String {
    let mut lines = vec!["[target]".to_owned(), set("driver", &text(&wanted.usual.driver))];
    let model = wanted.model.as_deref().map(text).or_else(|| wanted.usual.model.clone());
    let base_url = wanted.base_url.as_deref().map(text);
    let keys = [("base_url", base_url), ("model", model), ("body", wanted.usual.body.clone())];
    lines.extend(keys.into_iter().filter_map(|(key, value)| Some(set(key, &value?))));
    if wanted.base_url.is_some() || wanted.launch.is_some() || wanted.usual.launch.is_some() {
        lines.push(
            "# api_key_env = \"MY_KEY\" # the variable that holds the key, never the key itself"
                .to_owned(),
        );
    }
    if let Some(launch) = launch(wanted) {
        lines.push(String::new());
        lines.push(
            "# It is started for each side: {port} is a free port, and {dir} the folder of the base or of the change."
                .to_owned(),
        );
        lines.push("[target.launch]".to_owned());
        lines.extend(launch.iter().map(|(key, value)| set(key, value)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// How it is started: as the user says, else as its engine usually is. A server that already listens is not
/// taken for it, since base and change would then be one.
fn launch(wanted: &Wanted) -> Option<Vec<(&'static str, Value)>> {
    let usual = wanted.usual.launch.as_ref();
    if let Some(words) = &wanted.launch {
        let command = Value::Array(words.iter().map(|word| text(word)).collect());
        return Some(vec![("command", command), ("timeout_s", timeout(usual))]);
    }
    let usual = usual?;
    let keys = ["command", "env", "ready", "timeout_s", "stop_signal"];
    Some(keys.into_iter().filter_map(|key| Some((key, usual.get(key)?.clone()))).collect())
}

/// How long it may take to be ready: what its engine usually needs, else what tokgate gives anybody.
fn timeout(usual: Option<&Table>) -> Value {
    usual.and_then(|launch| launch.get("timeout_s")).cloned().unwrap_or(Value::Integer(600))
}

fn text(value: &str) -> Value {
    Value::String(value.to_owned())
}

fn set(key: &str, value: &Value) -> String {
    format!("{key} = {value}")
}

fn settings(wanted: &Wanted) -> String {
    let base = match &wanted.build {
        Some(build) => format!(
            "# A line of the shell, run in a checkout of the base and in the change: it makes what the scenario starts.\n{}",
            set("build", &text(build))
        ),
        None => "# How the base is had: built by a line of the shell (its scenario starts {dir}/...), or running already.\n\
                 # With neither, what seems worse than the recorded baseline stays inconclusive.\n\
                 # build = \"make server\"\n\
                 # base_url = \"http://127.0.0.1:8001/v1\""
            .to_owned(),
    };
    include_str!("templates/tokgate.toml").replace("@BASE@", &base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// How this repository uses its own templates: the action is the checkout's, and so is the program.
    fn ours() -> Settings {
        Settings {
            names: ["bench", "report", "baseline-refresh"],
            // As it was checked out: `$/` would be fetched again, by newer runners alone.
            action: "./ # zizmor: ignore[self-repository]".to_owned(),
            version: Some("source"),
            runner: vec!["self-hosted".to_owned(), "gpu".to_owned()],
            gate: "gpu".to_owned(),
            machine: None,
            build: None,
            scenarios: "regression",
        }
    }

    #[test]
    fn our_own_workflows_are_those_that_other_projects_get() {
        let settings = ours();
        for (name, text) in settings.names.iter().zip(settings.workflows()) {
            let file =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(".github/workflows/{name}.yml"));
            if std::env::var_os("TOKGATE_BLESS").is_some() {
                std::fs::write(&file, &text).unwrap();
            }
            let committed = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(committed, text, "{name}.yml: write it anew with TOKGATE_BLESS=1");
        }
    }

    #[test]
    fn no_place_is_left_empty() {
        let settings = ours();
        let all = settings
            .workflows()
            .into_iter()
            .chain([settings.filled(include_str!("templates/gitlab.yml"))]);
        for text in all {
            let left: Vec<&str> = text
                .split('@')
                .filter(|word| {
                    !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                })
                .collect();
            assert!(left.is_empty(), "{left:?} in\n{text}");
        }
    }

    #[test]
    fn a_label_that_yaml_would_read_otherwise_is_quoted() {
        assert_eq!(quoted(&["gpu", "4090", "on"]), "gpu, '4090', 'on'");
    }
}
