//! Whether a configuration fits a wish, and by what it misses it.

use super::configuration::{Configuration, by_task, of_all_tasks};
use super::measured::{Hardware, Measured};
use super::wish::{Budget, Wish};
use serde::Serialize;
use std::fmt;

/// What a configuration misses of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Miss {
    /// It was measured at another kind of task, or nobody says at which.
    Task,
    /// It costs more.
    TooDear {
        /// So much an hour, US dollars.
        usd_per_hour: f64,
        /// Instead of at most so much.
        most: f64,
    },
    /// It costs less than the band begins with.
    TooCheap {
        /// So much an hour, US dollars.
        usd_per_hour: f64,
        /// Instead of at least so much.
        least: f64,
    },
    /// There is a budget by the hour, and nobody says what it costs by the hour.
    NoPrice,
    /// The window of context is too small.
    WindowTooSmall {
        /// So many tokens.
        window: u64,
        /// Instead of so many.
        needed: u64,
    },
    /// Nobody says how large the window of context is.
    WindowUnknown {
        /// So many tokens are needed.
        needed: u64,
    },
    /// Its output was never counted: there is nothing to rank it by.
    NoThroughput,
}

/// A configuration that was left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOut {
    /// What it ran on.
    pub hardware: Hardware,
    /// The model.
    pub model: String,
    /// Why.
    pub misses: Vec<Miss>,
}

/// A configuration and what it misses.
pub(super) struct Candidate {
    pub(super) configuration: Configuration,
    pub(super) misses: Vec<Miss>,
}

/// Every configuration among rows, and what it misses. Where some of its rows had a window as large
/// as wanted, it is of those alone.
pub(super) fn candidates(rows: &[Measured], wish: &Wish, now_us: i64) -> Vec<Candidate> {
    let of = |rows: &[&Measured]| match wish.task {
        Some(_) => by_task(rows.iter().copied(), now_us).all,
        None => of_all_tasks(rows.iter().copied(), now_us).all,
    };
    let (fitting, others): (Vec<&Measured>, Vec<&Measured>) =
        rows.iter().partition(|row| window(wish, row.context_window).is_none());
    let fitting = of(&fitting);
    let is_same = |a: &Configuration, b: &Configuration| {
        (&a.hardware, &a.model) == (&b.hardware, &b.model)
            && (wish.task.is_none() || a.tasks == b.tasks)
    };
    let narrow: Vec<Configuration> =
        of(&others).into_iter().filter(|one| !fitting.iter().any(|it| is_same(it, one))).collect();
    let missed = narrow.into_iter().map(|configuration| {
        let largest = largest_window(&others, &configuration);
        let misses = window(wish, largest).into_iter().chain(besides(&configuration, wish));
        Candidate { misses: misses.collect(), configuration }
    });
    let fitted = fitting.into_iter().map(|configuration| Candidate {
        misses: besides(&configuration, wish).collect(),
        configuration,
    });
    fitted.chain(missed).collect()
}

fn largest_window(rows: &[&Measured], of: &Configuration) -> Option<u64> {
    let same = rows.iter().filter(|row| row.model == of.model && row.hardware() == of.hardware);
    same.filter_map(|row| row.context_window).max()
}

/// What a window misses of the room that is needed.
fn window(wish: &Wish, window: Option<u64>) -> Option<Miss> {
    let needed = wish.context?;
    match window {
        None => Some(Miss::WindowUnknown { needed }),
        Some(window) if window < needed => Some(Miss::WindowTooSmall { window, needed }),
        Some(_) => None,
    }
}

/// What it misses apart from the window.
fn besides(one: &Configuration, wish: &Wish) -> impl Iterator<Item = Miss> + use<> {
    let is_other_task = wish.task.is_some_and(|task| one.tasks != [Some(task)]);
    let task = is_other_task.then_some(Miss::Task);
    let throughput = one.tok_s.is_none_or(|tok_s| tok_s <= 0.0).then_some(Miss::NoThroughput);
    [task, price(one.usd_per_hour, wish.budget), throughput].into_iter().flatten()
}

fn price(usd_per_hour: Option<f64>, budget: Budget) -> Option<Miss> {
    let (least, most) = budget.bounds();
    match (budget, usd_per_hour) {
        (Budget::Any, _) => None,
        (_, None) => Some(Miss::NoPrice),
        (_, Some(usd)) if Budget::of(usd) == budget => None,
        (_, Some(usd)) if usd < least || budget == Budget::OverThree => {
            Some(Miss::TooCheap { usd_per_hour: usd, least })
        }
        (_, Some(usd)) => Some(Miss::TooDear { usd_per_hour: usd, most }),
    }
}

impl Candidate {
    pub(super) fn left_out(self) -> LeftOut {
        let Configuration { hardware, model, .. } = self.configuration;
        LeftOut { hardware, model, misses: self.misses }
    }
}

impl Miss {
    /// How far off it is: 0 would fit, 1 is twice as much as there may be or half of what is needed
    /// less, and whatever cannot be counted.
    pub(super) fn distance(self) -> f64 {
        match self {
            Self::TooDear { usd_per_hour, most } => usd_per_hour / most - 1.0,
            Self::TooCheap { usd_per_hour, least } => least / usd_per_hour.max(0.01) - 1.0,
            Self::WindowTooSmall { window, needed } => needed as f64 / window.max(1) as f64 - 1.0,
            Self::Task | Self::NoPrice | Self::WindowUnknown { .. } | Self::NoThroughput => 1.0,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(self) -> String {
        match self {
            Self::Task => "measure it at this kind of task, or ask without one".to_owned(),
            Self::TooDear { usd_per_hour, .. } | Self::TooCheap { usd_per_hour, .. } => {
                format!("with the budget {} it would fit", Budget::of(usd_per_hour).as_str())
            }
            Self::NoPrice => {
                "say what it costs: `price_per_hour_usd` of the target, `--hourly-cost`, or `hardware.toml`"
                    .to_owned()
            }
            Self::WindowTooSmall { window, .. } => {
                format!("serve it with a larger window, or ask for at most {window} tokens")
            }
            Self::WindowUnknown { .. } => {
                "measure it on a server that tells its window, or ask without a context".to_owned()
            }
            Self::NoThroughput => {
                "measure it where output tokens are counted, by the server or by a tokenizer".to_owned()
            }
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task => f.write_str("it was not measured at this kind of task"),
            Self::TooDear { usd_per_hour, most } => {
                write!(f, "it costs {usd_per_hour:.2} USD/h, where {most:.2} is the most")
            }
            Self::TooCheap { usd_per_hour, least } => {
                write!(f, "it costs {usd_per_hour:.2} USD/h, where the budget begins at {least:.2}")
            }
            Self::NoPrice => f.write_str("nobody says what it costs an hour"),
            Self::WindowTooSmall { window, needed } => {
                write!(f, "its window of {window} tokens is too small for {needed}")
            }
            Self::WindowUnknown { needed } => {
                write!(f, "nobody says whether {needed} tokens fit its window")
            }
            Self::NoThroughput => f.write_str("its output was never counted in tokens"),
        }
    }
}
