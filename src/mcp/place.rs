//! Where answers come from: one folder of results, opened for each question and closed behind it.

use super::field::{Arguments, Field, Kind};
use crate::choice::{Category, Filter, Measured, Prices};
use crate::config::Config;
use crate::project::Project;
use crate::store::team::Team;
use crate::store::{FileStore, Layout};
use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::Value;
use std::path::PathBuf;
use tokgate_core::diagnostic::nearest;

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;
/// Longest time back, days: ten years.
const MOST_DAYS: u64 = 3650;

/// What was asked of the past days, of any tool.
pub(super) const SINCE: Field = Field::new(
    "since_days",
    Kind::Count { most: MOST_DAYS },
    "Only what was measured in the last so many days",
);

/// The machine, of any tool.
pub(super) const MACHINE: Field =
    Field::new("machine", Kind::Text, "Only this machine, by its key: rtx-4090-x1");

/// Which rows a tool is asked about.
pub(super) const FILTERS: [Field; 7] = [
    Field::new("model", Kind::Text, "Only this model, by its whole name as `list` tells it"),
    Field::new("platform", Kind::Text, "Only what was served by it: vllm-serve, ollama, llama-cpp"),
    MACHINE,
    Field::new(
        "gpu_type",
        Kind::Text,
        "Only this instance or GPU: g1-gpu-rtx6000-2, RTX 4090, RTX 4090 x2",
    ),
    Field::new("model_category", Kind::Text, "Only models of this size: 7b, 14b, 30b, 70b"),
    Field::new(
        "task_category",
        Kind::Word(&["coding", "context_heavy", "reasoning"]),
        "Only what was measured with prompts about this",
    ),
    SINCE,
];

/// What an hour costs, of the tools that tell costs.
pub(super) const HOURLY_COST: Field = Field::new(
    "hourly_cost_usd",
    Kind::Usd,
    "What an hour of every machine costs, US dollars, instead of what was declared",
);

/// A folder of results, and the project that it belongs to.
#[derive(Debug, Clone)]
pub struct Place {
    project: Project,
    here: PathBuf,
    results: PathBuf,
    team: Option<Team>,
}

/// The rows that are asked about.
pub(super) struct Asked {
    pub(super) store: FileStore,
    pub(super) rows: Vec<Measured>,
    prices: Prices,
    /// Microseconds since 1970.
    pub(super) now_us: i64,
}

impl Place {
    /// The results in a folder, asked from `here`. Nothing is opened yet.
    #[must_use]
    pub fn new(project: Project, here: PathBuf, results: PathBuf) -> Self {
        Self { project, here, results, team: None }
    }

    /// The same, asked of a team's store where there is one.
    #[must_use]
    pub fn of_team(self, team: Option<Team>) -> Self {
        Self { team, ..self }
    }

    /// The repository whose commits a history is of.
    pub(super) fn repository(&self) -> PathBuf {
        self.project.root.clone().unwrap_or_else(|| self.here.clone())
    }

    /// The store, where there is one: none is made.
    ///
    /// # Errors
    /// When nothing was measured yet, or the store cannot be opened.
    pub(super) fn store(&self) -> Result<FileStore> {
        let here = Layout::new(&self.results);
        let layout = match &self.team {
            Some(team) => here.of_team(team.clone()),
            None => here,
        };
        let has_files = |folder: PathBuf| {
            std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
        };
        // An index that was lost is told by the store itself.
        if !layout.has_index() && !has_files(layout.raw()) {
            bail!(
                "nothing was measured yet in {}: `tokgate run quick` measures without any server, \
                 `tokgate run quick --base-url http://HOST:PORT/v1` measures one",
                self.results.display()
            );
        }
        Ok(FileStore::open(layout)?)
    }

    /// The rows that the arguments ask about.
    ///
    /// # Errors
    /// When a file of the configuration is wrong, or the store cannot be read.
    pub(super) fn ask(&self, arguments: &Arguments) -> Result<Asked> {
        self.ask_for(arguments, arguments.text("task_category"))
    }

    /// The same about tasks of every kind.
    ///
    /// # Errors
    /// As [`Place::ask`].
    pub(super) fn ask_all_tasks(&self, arguments: &Arguments) -> Result<Asked> {
        self.ask_for(arguments, None)
    }

    fn ask_for(&self, arguments: &Arguments, task: Option<&str>) -> Result<Asked> {
        let catalogue = Config::load(&self.project)?.catalogue;
        let prices = Prices { catalogue, hourly_usd: arguments.number(HOURLY_COST.name) };
        let now_us = Timestamp::now().as_microsecond();
        let text = |name: &str| arguments.text(name).map(str::to_owned);
        let filter = Filter {
            run: None,
            model: text("model"),
            platform: text("platform"),
            machine: text(MACHINE.name),
            gpu_type: text("gpu_type"),
            model_category: text("model_category"),
            task: task.and_then(category),
            benchmark_type: None,
            since_us: since_us(arguments, now_us),
            provenance: None,
        };
        let store = self.store()?;
        let rows = store.measured(&filter, &prices)?;
        Ok(Asked { store, rows, prices, now_us })
    }
}

impl Asked {
    /// That there is something to answer from.
    ///
    /// # Errors
    /// Where there is no row: who else there is, where a model was named.
    pub(super) fn not_empty(&self, model: Option<&str>) -> Result<()> {
        if !self.rows.is_empty() {
            return Ok(());
        }
        let all = self.store.measured(&Filter::default(), &self.prices)?;
        let near =
            model.map(|model| (model, nearest(model, all.iter().map(|row| row.model.as_str()))));
        match (all.is_empty(), near) {
            (true, _) => bail!(
                "nothing is measured yet that says something about a model: `tokgate run` measures, \
                 `tokgate list --epochs` shows what is there, and whether it was VALID"
            ),
            (false, Some((model, Some(near)))) if near != model => {
                bail!("no model `{model}` was measured; did you mean `{near}`?")
            }
            (false, Some((model, None))) => {
                bail!("no model `{model}` was measured; the tool `list` names those that were")
            }
            (false, _) => bail!("the arguments leave no row: ask with fewer of them"),
        }
    }
}

/// The moment from which on something counts, microseconds since 1970.
pub(super) fn since_us(arguments: &Arguments, now_us: i64) -> Option<i64> {
    let days = i64::try_from(arguments.count(SINCE.name)?).ok()?;
    Some(now_us.saturating_sub(days.saturating_mul(DAY_US)))
}

/// A kind of task by its word.
pub(super) fn category(word: &str) -> Option<Category> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_task_is_one() {
        let words = FILTERS.iter().find_map(|field| match field.kind {
            Kind::Word(words) => Some(words),
            _ => None,
        });
        assert!(words.unwrap().iter().all(|word| category(word).is_some()));
    }

    #[test]
    fn a_place_without_results_says_what_to_do_and_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("results");
        let place = Place::new(Project { root: None }, folder.path().to_owned(), results.clone());
        let error = place.store().unwrap_err().to_string();
        assert!(error.contains("tokgate run quick"), "{error}");
        assert!(!results.exists());
    }
}
