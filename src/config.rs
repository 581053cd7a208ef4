//! `tokgate.toml`: what a project, or a user, says once and for all.
//!
//! ```toml
//! allow_paths = ["~/models"]         # folders outside the project that scenarios may name
//!
//! [targets.fleet]                    # `--target fleet`: the keys of [target] in a scenario
//! driver = "openai"
//! base_url = "https://llm.example.org/v1"
//! model = "llama-3.1-8b"
//! api_key_env = "FLEET_KEY"
//! runs_on = { gpu = "H100 80GB", gpus = 2, vram_gb = 80, price_per_hour_usd = 6.5 }
//! ```
//!
//! The project's file is stronger than the user's, name by name.

use crate::project::Project;
use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tokgate_core::case::DriverKind;
use tokgate_core::diagnostic::nearest;
use tokgate_core::scenario::Override;

/// Largest file that is read; a larger one is no configuration.
const LARGEST: u64 = 1 << 20;

/// What both files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Folders outside the project that scenarios may name.
    pub allow_paths: Vec<String>,
    targets: BTreeMap<String, Named>,
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
}

impl Config {
    /// The configuration of a project, over the user's own.
    ///
    /// # Errors
    /// When a file cannot be read, or is not as it should be.
    pub fn load(project: &Project) -> Result<Self> {
        let mut config = Self::default();
        let own = project.root.as_ref().map(|root| root.join("tokgate.toml"));
        for path in user_file().into_iter().chain(own) {
            config.add(&path)?;
        }
        Ok(config)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let Some(text) = read(path)? else { return Ok(()) };
        let file: File =
            toml::from_str(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
        self.allow_paths.extend(file.allow_paths);
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
const DRIVERS: [&str; 13] = [
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
];

fn driver_named(name: &str) -> bool {
    serde_json::from_value::<DriverKind>(name.into()).is_ok()
}

/// The user's own file: `$XDG_CONFIG_HOME/tokgate/config.toml`.
fn user_file() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("tokgate").join("config.toml"))
}

/// The text of a file; `None` where there is none.
fn read(path: &Path) -> Result<Option<String>> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => bail!("cannot read {}: {error}", path.display()),
    };
    if !metadata.is_file() || metadata.len() > LARGEST {
        bail!("{} is no plain file of at most {LARGEST} bytes", path.display());
    }
    let bytes = std::fs::read(path).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    let text = String::from_utf8(bytes);
    text.map(Some).with_context(|| format!("{} is not UTF-8 text", path.display()))
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
    fn what_is_wrong_with_the_file_is_told_with_its_place() {
        for (text, says) in [
            ("allow_path = []", "allow_path"),
            ("[targets.ollama]\nmodel = \"m\"", "called like a driver"),
            ("[targets", "line 1"),
        ] {
            let error = config(text).unwrap_err().to_string();
            assert!(error.contains("tokgate.toml: ") && error.contains(says), "{error}");
        }
    }
}
