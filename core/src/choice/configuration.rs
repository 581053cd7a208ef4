//! Configurations: a model on some hardware at some kind of task, over all its runs.

use super::best::Quantity;
use super::measured::{Hardware, Measured, On, Provenance, cost_per_1k_tokens};
use super::reliance::{Confidence, Warning, is_stale};
use crate::dataset::tasks::Category;
use crate::quantile::Sorted;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// A model on some hardware at some kind of task. Its figures are medians over its runs, each of
/// which counts as the median of its epochs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Configuration {
    /// What it ran on.
    pub hardware: Hardware,
    /// The GPU's name.
    pub gpu: Option<String>,
    /// How many of them.
    pub gpus: Option<u32>,
    /// Memory of all of them, bytes.
    pub vram_bytes: Option<u64>,
    /// The model.
    pub model: String,
    /// Its parameters, as written.
    pub size_params: Option<String>,
    /// The word for models of its size.
    pub model_category: Option<String>,
    /// What the prompts were about: one, unless configurations are of all tasks.
    pub tasks: Vec<Option<Category>>,
    /// How the model was served.
    pub platforms: Vec<String>,
    /// How many sent at the same time, the fewest first; several where loads differ.
    pub workers: Vec<u64>,
    /// The shortest known window of context, tokens.
    pub context_window: Option<u64>,
    /// Output tokens a second.
    pub tok_s: Option<f64>,
    /// Successful requests a second.
    pub req_s: Option<f64>,
    /// Median time to the first token, seconds.
    pub ttft_p50_s: Option<f64>,
    /// What an hour costs, US dollars: as the newest row with a price by the hour has it.
    pub usd_per_hour: Option<f64>,
    /// What 1000 output tokens cost, US dollars.
    #[serde(rename = "cost_per_1k_usd")]
    pub cost_per_1k: Option<f64>,
    /// Output tokens a second for each US dollar an hour.
    pub efficiency: Option<f64>,
    /// Runs.
    pub runs: u64,
    /// Their epochs.
    pub epochs: u64,
    /// How far it may be relied on.
    pub confidence: Confidence,
    /// `imported` where every row is.
    pub provenance: Provenance,
    /// When it was measured last, microseconds since 1970.
    pub last_us: i64,
    /// Whether that is too long ago.
    pub is_stale: bool,
}

/// Configurations beside each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Configurations {
    /// By hardware, model and task.
    pub all: Vec<Configuration>,
    /// The kinds of task among them. With more than one, figures are not comparable: whoever shows
    /// them says so.
    pub tasks: Vec<Option<Category>>,
}

impl Configurations {
    /// Whether figures of several kinds of task stand beside each other.
    #[must_use]
    pub fn are_tasks_mixed(&self) -> bool {
        self.tasks.len() > 1
    }

    /// The same in another order.
    #[must_use]
    pub fn sorted_by(mut self, column: SortBy) -> Self {
        self.all.sort_by(|a, b| column.order(a, b));
        self
    }
}

/// The configurations among rows, by their hardware, model and task. Time is microseconds since 1970.
#[must_use]
pub fn configurations(rows: &[Measured], now_us: i64) -> Configurations {
    by_task(rows.iter(), now_us)
}

/// The same by hardware and model alone: of tasks of all kinds together.
#[must_use]
pub fn configurations_of_all_tasks(rows: &[Measured], now_us: i64) -> Configurations {
    of_all_tasks(rows.iter(), now_us)
}

/// [`configurations`] of some of many rows.
pub(super) fn by_task<'a>(
    rows: impl Iterator<Item = &'a Measured> + Clone,
    now_us: i64,
) -> Configurations {
    grouped(rows, now_us, |row| word(row.task))
}

/// [`configurations_of_all_tasks`] of some of many rows.
pub(super) fn of_all_tasks<'a>(
    rows: impl Iterator<Item = &'a Measured> + Clone,
    now_us: i64,
) -> Configurations {
    grouped(rows, now_us, |_| "")
}

fn grouped<'a>(
    rows: impl Iterator<Item = &'a Measured> + Clone,
    now_us: i64,
    task: impl Fn(&Measured) -> &'static str,
) -> Configurations {
    let mut groups: BTreeMap<(On<'_>, &str, &str), Vec<&Measured>> = BTreeMap::new();
    for row in rows.clone() {
        groups.entry((row.on(), &row.model, task(row))).or_default().push(row);
    }
    let all = groups.into_iter().map(|((on, ..), rows)| of(on.hardware(), &rows, now_us)).collect();
    Configurations { all, tasks: tasks(rows) }
}

/// The word by which configurations of a kind of task are ordered; empty where nobody says which.
fn word(task: Option<Category>) -> &'static str {
    match task {
        None => "",
        Some(Category::Coding) => "coding",
        Some(Category::ContextHeavy) => "context_heavy",
        Some(Category::Reasoning) => "reasoning",
    }
}

fn tasks<'a>(rows: impl IntoIterator<Item = &'a Measured>) -> Vec<Option<Category>> {
    let each: BTreeMap<_, _> = rows.into_iter().map(|row| (word(row.task), row.task)).collect();
    each.into_values().collect()
}

/// The configuration of some rows, of which there is at least one.
fn of(hardware: Hardware, rows: &[&Measured], now_us: i64) -> Configuration {
    let newest_first = {
        let mut rows = rows.to_vec();
        rows.sort_by(|a, b| (b.started_us, &b.test_id).cmp(&(a.started_us, &a.test_id)));
        rows
    };
    let by_run = by_run(rows);
    let figure = |of: &dyn Fn(&Measured) -> Option<f64>| over_runs(&by_run, of);
    let tok_s = figure(&|row| row.tok_s);
    let usd_per_hour = newest_first.iter().find_map(|row| row.usd_per_hour());
    let last_us = rows.iter().map(|row| row.started_us).max().unwrap_or_default();
    let runs = by_run.len() as u64;
    let by_hour = || cost_per_1k_tokens(tok_s?, usd_per_hour?);
    let by_token = || figure(&|row| row.cost_per_1k()).filter(|_| usd_per_hour.is_none());
    let is_imported = rows.iter().all(|row| row.provenance == Provenance::Imported);
    let newest = newest_first.first();
    Configuration {
        hardware,
        gpu: newest_first.iter().find_map(|row| row.gpu.clone()),
        gpus: newest_first.iter().find_map(|row| row.gpus),
        vram_bytes: newest_first.iter().find_map(|row| row.vram_of_all()),
        model: newest.map(|row| row.model.clone()).unwrap_or_default(),
        size_params: newest_first.iter().find_map(|row| row.size_params.clone()),
        model_category: newest_first.iter().find_map(|row| row.model_category.clone()),
        tasks: tasks(rows.iter().copied()),
        platforms: distinct(rows.iter().map(|row| row.platform.as_str()))
            .into_iter()
            .map(str::to_owned)
            .collect(),
        workers: distinct(rows.iter().map(|row| row.workers)),
        context_window: rows.iter().filter_map(|row| row.context_window).min(),
        tok_s,
        req_s: figure(&|row| Some(row.req_s)),
        ttft_p50_s: figure(&|row| row.ttft_p50_s),
        usd_per_hour,
        cost_per_1k: by_hour().or_else(by_token),
        efficiency: usd_per_hour.filter(|usd| *usd > 0.0).and_then(|usd| Some(tok_s? / usd)),
        runs,
        epochs: rows.len() as u64,
        confidence: Confidence::of(runs),
        provenance: if is_imported { Provenance::Imported } else { Provenance::Measured },
        last_us,
        is_stale: is_stale(last_us, now_us),
    }
}

/// Rows by their run.
fn by_run<'a>(rows: &[&'a Measured]) -> BTreeMap<&'a str, Vec<&'a Measured>> {
    let mut runs: BTreeMap<&str, Vec<&Measured>> = BTreeMap::new();
    rows.iter().for_each(|row| runs.entry(&row.run_id).or_default().push(row));
    runs
}

/// The median over runs of the median over each one's epochs.
fn over_runs(
    runs: &BTreeMap<&str, Vec<&Measured>>,
    of: &dyn Fn(&Measured) -> Option<f64>,
) -> Option<f64> {
    let of_run =
        |rows: &Vec<&Measured>| Sorted::new(rows.iter().filter_map(|row| of(row))).median();
    Sorted::new(runs.values().filter_map(of_run)).median()
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<BTreeSet<T>>().into_iter().collect()
}

impl Configuration {
    /// What a quantity is of it.
    #[must_use]
    pub fn quantity(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::TokS => self.tok_s,
            Quantity::CostPer1k => self.cost_per_1k,
            Quantity::CostEfficiency => self.efficiency,
            Quantity::Ttft => self.ttft_p50_s,
            Quantity::ReqS => self.req_s,
            Quantity::UsdPerHour => self.usd_per_hour,
        }
    }

    /// Why it should be relied on less.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        Warning::of(self)
    }
}

/// The column by which configurations are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// A quantity, the best first.
    Quantity(Quantity),
    /// What it ran on, by name.
    Hardware,
    /// The number of GPUs, the most first.
    Gpus,
    /// Memory of all of them, the most first.
    Vram,
    /// The model, by name.
    Model,
    /// The number of runs, the most first.
    Runs,
    /// When it was measured last, the latest first.
    Last,
}

/// A word that names no column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no column; it can be {columns}", columns = columns())]
pub struct NoColumn(String);

/// The columns that are no quantities.
const PLAIN: [(&str, SortBy); 6] = [
    ("gpu_type", SortBy::Hardware),
    ("gpus", SortBy::Gpus),
    ("vram", SortBy::Vram),
    ("model", SortBy::Model),
    ("runs", SortBy::Runs),
    ("last_run", SortBy::Last),
];

fn columns() -> String {
    let plain = PLAIN.map(|(name, _)| name);
    [&Quantity::ALL.map(Quantity::as_str)[..], &plain[..]].concat().join(", ")
}

impl SortBy {
    /// Ties are broken by hardware and model, so that the order is always the same.
    fn order(self, a: &Configuration, b: &Configuration) -> Ordering {
        let column = match self {
            Self::Quantity(quantity) => quantity.order(a.quantity(quantity), b.quantity(quantity)),
            Self::Gpus => b.gpus.cmp(&a.gpus),
            Self::Vram => b.vram_bytes.cmp(&a.vram_bytes),
            Self::Model => a.model.cmp(&b.model),
            Self::Runs => b.runs.cmp(&a.runs),
            Self::Last => b.last_us.cmp(&a.last_us),
            Self::Hardware => Ordering::Equal,
        };
        column.then_with(|| (&a.hardware, &a.model).cmp(&(&b.hardware, &b.model)))
    }
}

impl FromStr for SortBy {
    type Err = NoColumn;

    fn from_str(text: &str) -> Result<Self, NoColumn> {
        let plain = PLAIN.into_iter().find(|(name, _)| *name == text).map(|(_, column)| column);
        let quantity = || text.parse().ok().map(Self::Quantity);
        plain.or_else(quantity).ok_or_else(|| NoColumn(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::fixture::{NOW_US, by_the_hour, in_run, row};

    fn rented(instance: &str, gpus: u32, gib: u64, model: &str, tok_s: f64, usd: f64) -> Measured {
        Measured {
            instance: Some(instance.to_owned()),
            gpus: Some(gpus),
            vram_bytes: Some(gib << 30),
            tok_s: Some(tok_s),
            price: by_the_hour(usd),
            task: Some(Category::Coding),
            ..row(model, 1.0)
        }
    }

    fn two() -> Vec<Measured> {
        vec![
            rented("g1-gpu-rtx6000-2", 2, 48, "70B-AWQ", 45.3, 3.00),
            rented("g2-gpu-rtx4000a2-s", 2, 20, "32B-AWQ", 38.1, 1.04),
        ]
    }

    fn order(column: &str, rows: &[Measured]) -> Vec<String> {
        let sorted = configurations(rows, NOW_US).sorted_by(column.parse().unwrap());
        sorted.all.into_iter().map(|it| it.model).collect()
    }

    #[test]
    fn a_configuration_has_the_columns_that_guides_show() {
        // 45.3 / 3.00 = 15.1; 3.00 / 3600 / 45.3 * 1000 = 0.0184.
        // 38.1 / 1.04 = 36.63; 1.04 / 3600 / 38.1 * 1000 = 0.0076.
        let all = configurations(&two(), NOW_US).sorted_by("tokens_per_sec".parse().unwrap()).all;
        let told = all.iter().map(|it| {
            let vram = it.vram_bytes.unwrap() >> 30;
            let (cost, efficiency) = (it.cost_per_1k.unwrap(), it.efficiency.unwrap());
            format!(
                "{} {} {vram} {} {cost:.4} {efficiency:.1}",
                it.hardware,
                it.gpus.unwrap(),
                it.model
            )
        });
        let expected = [
            "g1-gpu-rtx6000-2 2 96 70B-AWQ 0.0184 15.1",
            "g2-gpu-rtx4000a2-s 2 40 32B-AWQ 0.0076 36.6",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn each_column_sorts_the_better_first() {
        let rows = two();
        for (column, first) in [
            ("tokens_per_sec", "70B-AWQ"),
            ("cost_per_1k_tokens", "32B-AWQ"),
            ("cost_efficiency", "32B-AWQ"),
            ("hourly_cost", "32B-AWQ"),
            ("gpu_type", "70B-AWQ"),
            ("vram", "70B-AWQ"),
            ("model", "32B-AWQ"),
        ] {
            assert_eq!(order(column, &rows)[0], first, "{column}");
        }
        let unmeasured = Measured { tok_s: None, ..rented("a", 9, 9, "first by name", 1.0, 9.0) };
        let all = [rows, vec![unmeasured]].concat();
        assert_eq!(order("tokens_per_sec", &all)[2], "first by name");
        assert_eq!(order("gpus", &all)[0], "first by name");
        assert!("size".parse::<SortBy>().unwrap_err().to_string().contains("cost_efficiency"));
    }

    #[test]
    fn runs_count_alike_however_many_epochs_they_have() {
        let at = |run: &str, tok_s: f64| in_run(run, 1, rented("i", 1, 8, "m", tok_s, 1.0));
        // Medians of the runs: a 30 (of 10, 30, 50), b 20, c 90; over them 30.
        let rows = [at("a", 10.0), at("a", 30.0), at("a", 50.0), at("b", 20.0), at("c", 90.0)];
        let one = &configurations(&rows, NOW_US).all[0];
        assert_eq!((one.tok_s, one.runs, one.epochs), (Some(30.0), 3, 5));
        assert_eq!((one.confidence, one.warnings()), (Confidence::High, vec![]));
    }

    #[test]
    fn what_makes_a_figure_doubtful_is_said() {
        let old = in_run("old", 31, rented("i", 1, 8, "m", 10.0, 1.0));
        let said = |rows: &[Measured]| configurations(rows, NOW_US).all[0].warnings();
        let imported = Measured { provenance: Provenance::Imported, ..old.clone() };
        let single = vec![Warning::SingleRun, Warning::Stale, Warning::ImportedOnly];
        assert_eq!(said(std::slice::from_ref(&imported)), single);
        let fresh = in_run("new", 1, Measured { workers: 16, platform: "vllm".to_owned(), ..old });
        let mixed = vec![Warning::TwoRuns, Warning::MixedLoads, Warning::MixedPlatforms];
        assert_eq!(said(&[fresh, imported]), mixed);
    }

    #[test]
    fn kinds_of_task_are_kept_apart_and_their_mixing_is_flagged() {
        let coding = rented("i", 1, 8, "m", 10.0, 1.0);
        let heavy = Measured { task: Some(Category::ContextHeavy), ..coding.clone() };
        let apart = configurations(&[coding.clone(), heavy.clone()], NOW_US);
        assert_eq!((apart.all.len(), apart.are_tasks_mixed()), (2, true));
        let together = configurations_of_all_tasks(&[coding.clone(), heavy], NOW_US);
        assert_eq!((together.all.len(), together.are_tasks_mixed()), (1, true));
        assert_eq!(together.all[0].tasks.len(), 2);
        assert!(!configurations(&[coding], NOW_US).are_tasks_mixed());
    }

    #[test]
    fn the_newest_price_counts_and_the_shortest_window() {
        let old = in_run(
            "a",
            9,
            Measured { context_window: Some(32_768), ..rented("i", 1, 8, "m", 10.0, 1.0) },
        );
        let new = in_run(
            "b",
            1,
            Measured { context_window: Some(8192), ..rented("i", 1, 8, "m", 10.0, 2.0) },
        );
        let one = &configurations(&[new, old], NOW_US).all[0];
        assert_eq!(
            (one.usd_per_hour, one.efficiency, one.context_window),
            (Some(2.0), Some(5.0), Some(8192))
        );
    }
}
