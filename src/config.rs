//! `tokgate.toml`: what a project, or a user, says once and for all.
//!
//! ```toml
//! allow_paths = ["~/models"]         # folders outside the project that scenarios may name
//! store = "postgres://bench@db.example.org/bench"  # a team's store; its password is in PGPASSWORD
//!
//! [targets.fleet]                    # `--target fleet`: the keys of [target] in a scenario
//! driver = "openai"
//! base_url = "https://llm.example.org/v1"
//! model = "llama-3.1-8b"
//! api_key_env = "FLEET_KEY"
//! runs_on = { gpu = "H100 80GB", gpus = 2, vram_gb = 80, price_per_hour_usd = 6.5 }
//!
//! [alerts]                           # who is told when a run ends with alerts
//! command = ["notify-send", "tokgate"]
//! webhook_env = "ALERT_WEBHOOK"      # the variable that holds the address, never the address
//! min_level = "red"
//!
//! [gate]                             # what `tokgate gate` measures, and how it gets the base
//! scenarios = ["regression"]
//! build = "make server"              # run in a checkout of the base, and here
//! ```
//!
//! The project's file is stronger than the user's, name by name and key by key. `hardware.toml` beside
//! either of them adds to the catalogue of hardware and prices that comes with tokgate.

use crate::project::{Project, text_of};
use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokgate_core::case::DriverKind;
use tokgate_core::diagnostic::nearest;
use tokgate_core::goal::Level;
use tokgate_core::hardware::Catalogue;
use tokgate_core::scenario::Override;

/// The file that adds to the catalogue.
const HARDWARE: &str = "hardware.toml";

/// What both files say.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What is known of hardware and prices.
    pub catalogue: Catalogue,
    /// Folders outside the project that scenarios may name.
    pub allow_paths: Vec<String>,
    /// Who is told of alerts.
    pub telling: Telling,
    /// What a gate measures, and how it gets the base.
    pub gate: GateSettings,
    targets: BTreeMap<String, Named>,
}

/// Who is told when a run ends with alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// A command with its arguments, which gets the alerts as JSON on its stdin.
    pub command: Option<Vec<String>>,
    /// Name of the environment variable that holds the address of a webhook. Never the address.
    pub webhook_env: Option<String>,
    /// Alerts that are less bad are not told.
    pub min_level: Level,
}

impl Default for Telling {
    /// Nobody; and of whoever is named later, nobody is woken for what is yellow.
    fn default() -> Self {
        Self { command: None, webhook_env: None, min_level: Level::Red }
    }
}

/// What a gate measures, and how it gets the base.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateSettings {
    /// The scenarios; `regression` where none is named.
    pub scenarios: Vec<String>,
    /// A line of the shell that builds what is measured, in the folder of either side.
    pub build: Option<String>,
    /// The address of a server of the base that runs already.
    pub base_url: Option<String>,
}

/// A target by name: the keys of `[target]`, and the file that has them.
#[derive(Debug, Clone, PartialEq)]
struct Named {
    file: PathBuf,
    keys: toml::Table,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    allow_paths: Vec<String>,
    targets: BTreeMap<String, toml::Table>,
    alerts: Alerts,
    gate: Option<GateSettings>,
    /// Read by [`store`] alone.
    #[allow(dead_code)]
    store: Option<IgnoredAny>,
}

/// The table `[alerts]` of a file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Alerts {
    command: Option<Vec<String>>,
    webhook_env: Option<String>,
    min_level: Option<Level>,
    /// What somebody may write instead: known here, so that no error shows the line with the address.
    #[serde(alias = "webhook_url", alias = "url")]
    webhook: Option<toml::Value>,
}

/// The address of a team's store that a file names, the project's before the user's.
///
/// # Errors
/// When a file cannot be read; what stands in it is not quoted, since it may be a password.
pub fn store(project: &Project) -> Result<Option<String>> {
    let own = project.root.as_ref().map(|root| root.join("tokgate.toml"));
    let mut named = None;
    for path in user_file("config.toml").into_iter().chain(own) {
        // Somebody else's settings are none of ours.
        if is_refused(&path) {
            continue;
        }
        let Some(text) = text_of(&path)? else { continue };
        let file: toml::Table = toml::from_str(&text)
            .map_err(|error| anyhow!("{}: {}", path.display(), error.message()))?;
        match file.get("store") {
            Some(toml::Value::String(address)) => named = Some(address.clone()),
            Some(_) => bail!("{}: `store` is no text", path.display()),
            None => {}
        }
    }
    Ok(named)
}

fn is_refused(path: &Path) -> bool {
    let open = |path| std::fs::File::open(path).map(drop);
    let tried =
        std::fs::metadata(path).and_then(|it| if it.is_file() { open(path) } else { Ok(()) });
    tried.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

impl Default for Config {
    fn default() -> Self {
        let catalogue = Catalogue::shipped();
        Self {
            catalogue,
            allow_paths: Vec::new(),
            telling: Telling::default(),
            gate: GateSettings::default(),
            targets: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The configuration of a project, over the user's own.
    ///
    /// # Errors
    /// When a file cannot be read, or is not as it should be.
    pub fn load(project: &Project) -> Result<Self> {
        let mut config = Self::default();
        let files = |users: &str, own: &str| {
            let own = project.root.as_ref().map(|root| root.join(own));
            user_file(users).into_iter().chain(own)
        };
        files("config.toml", "tokgate.toml").try_for_each(|path| config.add(&path))?;
        files(HARDWARE, HARDWARE).try_for_each(|path| config.add_hardware(&path))?;
        Ok(config)
    }

    fn add_hardware(&mut self, path: &Path) -> Result<()> {
        let Some(text) = text_of(path)? else { return Ok(()) };
        let over = Catalogue::parse(&text).map_err(|error| anyhow!("{}: {error}", path.display()));
        self.catalogue = std::mem::take(&mut self.catalogue).under(over?);
        Ok(())
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let Some(text) = text_of(path)? else { return Ok(()) };
        let file: File =
            toml::from_str(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
        self.allow_paths.extend(file.allow_paths);
        let refused = |why: &str| anyhow!("{}: [alerts] {why}", path.display());
        self.telling.add(file.alerts).map_err(refused)?;
        self.gate = file.gate.unwrap_or(std::mem::take(&mut self.gate));
        for (name, keys) in file.targets {
            if driver_named(&name) {
                bail!(
                    "{}: [targets.{name}] is called like a driver; give it another name",
                    path.display()
                );
            }
            self.targets.insert(name, Named { file: path.to_owned(), keys });
        }
        Ok(())
    }

    /// The keys of the target with this name; `None` where the name is a driver's.
    ///
    /// # Errors
    /// When it is neither; the message says which there are.
    pub fn target(&self, name: &str) -> Result<Option<Vec<Override>>> {
        if let Some(named) = self.targets.get(name) {
            return Ok(Some(named.overrides(name)));
        }
        if driver_named(name) {
            return Ok(None);
        }
        let known: Vec<&str> = self.targets.keys().map(String::as_str).chain(DRIVERS).collect();
        match nearest(name, known.iter().copied()) {
            Some(near) => bail!("no target is called `{name}`; did you mean `{near}`?"),
            None => bail!(
                "no target is called `{name}`; there are: {}; `[targets.{name}]` in tokgate.toml \
                 makes one",
                known.join(", ")
            ),
        }
    }
}

impl Telling {
    /// What a stronger file says. A refusal does not repeat what was written: an address that stands
    /// where its variable should is a secret.
    fn add(&mut self, alerts: Alerts) -> Result<(), &'static str> {
        let Alerts { command, webhook_env, min_level, webhook } = alerts;
        if webhook.is_some() {
            return Err(
                "takes no address of a webhook; put it into an environment variable, and write \
                 that one's name: `webhook_env = \"ALERT_WEBHOOK\"`",
            );
        }
        if command.as_ref().is_some_and(|command| command.first().is_none_or(String::is_empty)) {
            return Err(
                "`command` names no program; write `command = [\"notify-send\", \"tokgate\"]`",
            );
        }
        if webhook_env.as_ref().is_some_and(|name| !is_variable(name)) {
            return Err(
                "`webhook_env` is no name of an environment variable; put the address into one, \
                 and write its name here",
            );
        }
        if min_level == Some(Level::Green) {
            return Err("`min_level` is `yellow` or `red`: what is green raises no alert");
        }
        self.command = command.or(self.command.take());
        self.webhook_env = webhook_env.or(self.webhook_env.take());
        self.min_level = min_level.unwrap_or(self.min_level);
        Ok(())
    }
}

fn is_variable(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c| is_letter(c) && !c.is_ascii_digit()) && name.chars().all(is_letter)
}

impl Named {
    fn overrides(&self, name: &str) -> Vec<Override> {
        let source = format!("{} [targets.{name}]", self.file.display());
        let one = |(key, value): (&String, &toml::Value)| Override {
            path: format!("target.{key}"),
            value: value.to_string(),
            source: source.clone(),
        };
        self.keys.iter().map(one).collect()
    }
}

/// The names of the drivers.
const DRIVERS: [&str; 14] = [
    "auto",
    "embedded",
    "openai",
    "ollama",
    "batch",
    "simulated",
    "flat",
    "flat-q4",
    "ivf-sq8",
    "hnsw",
    "pgvector",
    "redis",
    "vector-http",
    "custom",
];

fn driver_named(name: &str) -> bool {
    serde_json::from_value::<DriverKind>(name.into()).is_ok()
}

/// A file of the user's own configuration folder, `$XDG_CONFIG_HOME/tokgate`.
fn user_file(name: &str) -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("tokgate").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokgate.toml");
        std::fs::write(&path, text).unwrap();
        let mut config = Config::default();
        config.add(&path).map(|()| config)
    }

    #[test]
    fn a_named_target_is_the_keys_of_a_target() {
        let config = config(
            "[targets.fleet]\ndriver = \"openai\"\nstream = false\nruns_on = { gpu = \"H100\", gpus = 2 }",
        );
        let overrides = config.unwrap().target("fleet").unwrap().unwrap();
        let written: Vec<String> =
            overrides.iter().map(|one| format!("{} = {}", one.path, one.value)).collect();
        assert!(written.contains(&"target.driver = \"openai\"".to_owned()), "{written:?}");
        assert!(written.contains(&"target.stream = false".to_owned()), "{written:?}");
        assert!(written.iter().any(|one| one.starts_with("target.runs_on = {")), "{written:?}");
        assert!(overrides[0].source.ends_with("tokgate.toml [targets.fleet]"));
    }

    #[test]
    fn a_driver_is_no_named_target_and_an_unknown_name_is_answered() {
        let config = config("[targets.fleet]\ndriver = \"openai\"").unwrap();
        assert_eq!(config.target("ollama").unwrap(), None);
        let error = config.target("fleeet").unwrap_err().to_string();
        assert!(error.contains("did you mean `fleet`?"), "{error}");
        let error = Config::default().target("xyzzy").unwrap_err().to_string();
        assert!(error.contains("openai") && error.contains("[targets.xyzzy]"), "{error}");
    }

    #[test]
    fn who_is_told_of_alerts_is_merged_key_by_key_and_the_later_file_is_stronger() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        for (name, text) in [
            ("user.toml", "[alerts]\ncommand = [\"mail\", \"me\"]\nmin_level = \"yellow\""),
            ("project.toml", "[alerts]\nwebhook_env = \"HOOK\"\ncommand = [\"mail\", \"us\"]"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            config.add(&path).unwrap();
        }
        let told = Telling {
            command: Some(vec!["mail".to_owned(), "us".to_owned()]),
            webhook_env: Some("HOOK".to_owned()),
            min_level: Level::Yellow,
        };
        assert_eq!(config.telling, told);
    }

    #[test]
    fn an_address_in_the_place_of_its_variable_is_refused_and_not_repeated() {
        for key in ["webhook_env", "webhook", "webhook_url", "url"] {
            let written = format!("[alerts]\n{key} = \"https://hooks.example.com/s3cret\"");
            let error = config(&written).unwrap_err().to_string();
            assert!(error.contains("environment variable"), "{key}: {error}");
            assert!(!error.contains("s3cret"), "{key}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told_with_its_place() {
        for (text, says) in [
            ("allow_path = []", "allow_path"),
            ("[targets.ollama]\nmodel = \"m\"", "called like a driver"),
            ("[targets", "line 1"),
            ("[alerts]\ncommand = []", "names no program"),
            ("[alerts]\nmin_level = \"green\"", "`yellow` or `red`"),
            ("[alerts]\nwebhok_env = \"x\"", "webhok_env"),
        ] {
            let error = config(text).unwrap_err().to_string();
            assert!(error.contains("tokgate.toml: ") && error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_file_of_hardware_is_laid_over_what_comes_with_tokgate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(HARDWARE);
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Config::load(&Project { root: Some(folder.path().to_owned()) })
        };
        let own =
            load("as_of = \"2026-11\"\n[[gpu]]\nname = \"RTX 4090\"\nvram_gb = 48\n").unwrap();
        assert_eq!(own.catalogue.card("RTX 4090").unwrap().entry.vram_gb, 48.0);
        assert!(own.catalogue.card("RTX 3090").is_some());
        let error = load("as_of = 3").unwrap_err().to_string();
        assert!(error.contains(HARDWARE) && error.contains("line 1"), "{error}");
    }
}
