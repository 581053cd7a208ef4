//! The project we are called in: its scenarios and where its results live.

use anyhow::{Context, Result, anyhow, bail};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Largest file that is read as text; a larger one is nothing that people write.
const LARGEST: u64 = 1 << 20;

/// The scenarios that come with tokgate, for people without a project of their own.
const BUILT_IN: &[(&str, &str)] = &[
    ("advanced.toml", include_str!("../scenarios/advanced.toml")),
    ("basic.toml", include_str!("../scenarios/basic.toml")),
    ("breaking_point.toml", include_str!("../scenarios/breaking_point.toml")),
    ("concurrency.toml", include_str!("../scenarios/concurrency.toml")),
    ("context_size.toml", include_str!("../scenarios/context_size.toml")),
    ("embeddings.toml", include_str!("../scenarios/embeddings.toml")),
    ("full.toml", include_str!("../scenarios/full.toml")),
    ("llama_cpp.toml", include_str!("../scenarios/llama_cpp.toml")),
    ("model_comparison.toml", include_str!("../scenarios/model_comparison.toml")),
    ("ollama.toml", include_str!("../scenarios/ollama.toml")),
    ("openai.toml", include_str!("../scenarios/openai.toml")),
    ("pgvector.toml", include_str!("../scenarios/pgvector.toml")),
    ("production.toml", include_str!("../scenarios/production.toml")),
    ("production_load.toml", include_str!("../scenarios/production_load.toml")),
    ("prompt_length.toml", include_str!("../scenarios/prompt_length.toml")),
    ("qdrant.toml", include_str!("../scenarios/qdrant.toml")),
    ("quality.toml", include_str!("../scenarios/quality.toml")),
    ("quick.toml", include_str!("../scenarios/quick.toml")),
    ("rag.toml", include_str!("../scenarios/rag.toml")),
    ("redis.toml", include_str!("../scenarios/redis.toml")),
    ("regression.toml", include_str!("../scenarios/regression.toml")),
    ("resource_monitoring.toml", include_str!("../scenarios/resource_monitoring.toml")),
    ("retrieval.toml", include_str!("../scenarios/retrieval.toml")),
    ("retrieval_scaling.toml", include_str!("../scenarios/retrieval_scaling.toml")),
    ("rtx_4090.toml", include_str!("../scenarios/rtx_4090.toml")),
    ("sglang.toml", include_str!("../scenarios/sglang.toml")),
    ("simulated.toml", include_str!("../scenarios/simulated.toml")),
    ("stress.toml", include_str!("../scenarios/stress.toml")),
    ("tasks.toml", include_str!("../scenarios/tasks.toml")),
    ("temperature.toml", include_str!("../scenarios/temperature.toml")),
    ("tgi.toml", include_str!("../scenarios/tgi.toml")),
    ("tok_throughput.toml", include_str!("../scenarios/tok_throughput.toml")),
    ("vllm.toml", include_str!("../scenarios/vllm.toml")),
    ("vllm_batch.toml", include_str!("../scenarios/vllm_batch.toml")),
];

/// Largest scenario file that is read; a larger one is no scenario.
const LARGEST_SCENARIO: u64 = 1 << 20;

/// A folder with `tokgate.toml` or `scenarios/`, or the lack of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder.
    pub root: Option<PathBuf>,
}

/// The text of one scenario and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The scenario's name: the file's, without its ending.
    pub name: String,
    /// The file, as shown in messages.
    pub file: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The folder that `extends` looks in; `None` for the built-in ones.
    pub folder: Option<PathBuf>,
}

impl Project {
    /// The nearest folder from `start` upwards with `tokgate.toml` or `scenarios/`.
    #[must_use]
    pub fn find(start: &Path) -> Self {
        let is_project = |folder: &&Path| {
            folder.join("tokgate.toml").is_file() || folder.join("scenarios").is_dir()
        };
        Self { root: start.ancestors().find(is_project).map(Path::to_owned) }
    }

    /// The project of a bench target: the package it belongs to.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: Some(root.to_owned()) }
    }

    /// Where results live: the project's `results/`, else the user's data folder.
    ///
    /// # Errors
    /// Without a project and without a home folder.
    pub fn results(&self) -> Result<PathBuf> {
        if let Some(root) = &self.root {
            return Ok(root.join("results"));
        }
        use etcetera::BaseStrategy;
        let base = etcetera::choose_base_strategy()
            .context("no home folder to keep results in; name one with --results-dir")?;
        Ok(base.data_dir().join("tokgate"))
    }

    /// Where results were kept: the folder that was named, which must be there, or
    /// [`Project::results`], which may not be there yet.
    ///
    /// # Errors
    /// When a folder was named that is not there or cannot be looked into, or there is no home folder.
    pub fn stored(&self, named: Option<&Path>) -> Result<PathBuf> {
        let Some(folder) = named else { return self.results() };
        let is_there = folder
            .try_exists()
            .with_context(|| format!("cannot look for results in {}", folder.display()))?;
        match is_there {
            true => Ok(folder.to_owned()),
            false => bail!(
                "there are no results in {}: no such folder; `tokgate run` makes one",
                folder.display()
            ),
        }
    }

    /// Every scenario, by name: the project's, else the built-in ones.
    ///
    /// # Errors
    /// When the folder or a file cannot be read.
    pub fn scenarios(&self) -> Result<Vec<Source>> {
        let Some(folder) = self.folder() else {
            return Ok(BUILT_IN.iter().map(|(file, text)| Source::built_in(file, text)).collect());
        };
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read the scenario folder {}", folder.display()))?;
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
            .collect();
        files.sort();
        files.iter().map(|path| Source::read(path)).collect()
    }

    /// The scenario with this name, or the one in this file. A project that has none of its own by
    /// that name has the one that comes with tokgate.
    ///
    /// # Errors
    /// When there is none; the message lists what there is.
    pub fn scenario(&self, name_or_path: &str) -> Result<Source> {
        if name_or_path.ends_with(".toml") || name_or_path.contains(std::path::MAIN_SEPARATOR) {
            return Source::read(Path::new(name_or_path));
        }
        let mut all = self.scenarios()?;
        match all.iter().position(|source| source.name == name_or_path) {
            Some(found) => Ok(all.swap_remove(found)),
            None => Source::of_ours(name_or_path).with_context(|| {
                format!(
                    "no scenario is called `{name_or_path}`; there are: {}",
                    all.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ")
                )
            }),
        }
    }

    fn folder(&self) -> Option<PathBuf> {
        self.root.as_ref().map(|root| root.join("scenarios")).filter(|folder| folder.is_dir())
    }
}

/// Where a file lies: a bare name in the current folder, which has no name of its own otherwise.
fn folder_of(file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?;
    let here = folder.as_os_str().is_empty();
    Some(if here { PathBuf::from(".") } else { folder.to_owned() })
}

impl Source {
    /// The scenario of this name that comes with tokgate.
    fn of_ours(name: &str) -> Option<Self> {
        let is_it = |(file, _): &&(&str, &str)| file.strip_suffix(".toml") == Some(name);
        BUILT_IN.iter().find(is_it).map(|(file, text)| Self::built_in(file, text))
    }

    fn built_in(file: &str, text: &str) -> Self {
        Self {
            name: file.trim_end_matches(".toml").to_owned(),
            file: format!("scenarios/{file}"),
            bytes: text.as_bytes().to_vec(),
            folder: None,
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if !metadata.is_file() {
            bail!("{} is not a regular file", path.display());
        }
        if metadata.len() > LARGEST_SCENARIO {
            bail!("{} is larger than {LARGEST_SCENARIO} bytes: no scenario is", path.display());
        }
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, file: shown(path), bytes, folder: folder_of(path) })
    }

    /// The project that its file belongs to, or the file's folder where there is none.
    #[must_use]
    pub fn project(&self) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        Some(Project::find(&folder).root.unwrap_or(folder))
    }

    /// The text of a file beside this one, for `extends`.
    #[must_use]
    pub fn beside(&self, file: &str) -> Option<String> {
        match &self.folder {
            None => {
                BUILT_IN.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned())
            }
            Some(folder) => {
                let path = folder.join(file);
                let plain = Path::new(file).components().count() == 1
                    && path
                        .metadata()
                        .is_ok_and(|file| file.is_file() && file.len() <= LARGEST_SCENARIO);
                plain.then(|| std::fs::read_to_string(path).ok()).flatten()
            }
        }
    }
}

/// Said in words alone: the file is the user's, and what is wrong with it is no fault of ours.
fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot read the scenario file {}: {error}", path.display())
}

/// The path relative to where we are, when it lies below; annotations and terminals link it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

/// The text of a file; `None` where there is none.
///
/// # Errors
/// When something else stands there, or it is too large or no text.
pub fn text_of(path: &Path) -> Result<Option<String>> {
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

    #[test]
    fn the_built_in_scenarios_are_those_of_the_folder() {
        let project = Project::at(Path::new(env!("CARGO_MANIFEST_DIR")));
        let files: Vec<String> =
            project.scenarios().unwrap().into_iter().map(|source| source.name).collect();
        let built_in = Project { root: None }.scenarios().unwrap();
        assert_eq!(files, built_in.into_iter().map(|source| source.name).collect::<Vec<_>>());
    }

    #[test]
    fn an_unknown_scenario_is_answered_with_those_there_are() {
        let error = Project { root: None }.scenario("quik").unwrap_err().to_string();
        assert!(error.contains("`quik`") && error.contains("quick"), "{error}");
    }

    #[test]
    fn extends_cannot_leave_the_folder() {
        let project = Project::at(Path::new(env!("CARGO_MANIFEST_DIR")));
        let source = project.scenario("quick").unwrap();
        assert!(source.beside("../Cargo.toml").is_none());
        assert!(source.beside("full.toml").is_some());
    }
}
