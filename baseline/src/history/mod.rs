//! A metric over many commits: where it changed, and whether it crept. It finds what no single
//! change shows, weeks later; it fails nobody.

pub(crate) mod change;
mod drift;

pub use change::{Change, changes};
pub use drift::{Drift, drift};

use crate::scale::{Point, Scale, Sign};
use tokgate_core::case::Tolerance;
use tokgate_core::metric::MetricRef;
use tokgate_core::quantile::Sorted;

/// Commits looked back at: what is older was looked at when it was young.
pub const WINDOW: usize = 60;
/// Commits of one environment below which nothing is said.
pub const FEWEST: usize = 20;

/// One metric of one case on one machine, commit after commit, the oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Names it among others: case, metric, machine. The luck of its tests is drawn from it.
    pub key: String,
    /// The metric.
    pub metric: MetricRef,
    /// How far it may move.
    pub tolerance: Tolerance,
    /// In first-parent order.
    pub commits: Vec<Commit>,
}

/// What was measured of one commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Its name.
    pub id: String,
    /// One value an epoch, in the metric's unit.
    pub epochs: Vec<f64>,
    /// What it was measured in: driver, kernel, clocks. Commits before it last changed are not
    /// compared with those after.
    pub environment: String,
}

/// The latest commits of one environment on the scale of their tolerance.
struct Stretch<'a> {
    commits: Vec<&'a Commit>,
    /// θ of the median of each commit's epochs.
    thetas: Vec<f64>,
    scale: Scale,
    sign: Sign,
}

impl History {
    /// How many of the latest commits have a value and the environment of the last one: those that
    /// can be compared with each other. Below [`FEWEST`] nothing is said.
    #[must_use]
    pub fn comparable(&self) -> usize {
        self.of_one_environment().filter(|commit| commit.point().is_some()).count()
    }

    /// The latest commits that were measured in the environment of the last one, newest first.
    fn of_one_environment(&self) -> impl Iterator<Item = &Commit> {
        let latest = self.commits.last().map(|commit| &commit.environment);
        let is_same = move |commit: &&Commit| Some(&commit.environment) == latest;
        self.commits.iter().rev().take_while(is_same)
    }

    /// `None` below [`FEWEST`] commits with a value, and for what is never judged.
    fn latest(&self, tolerance: Tolerance) -> Option<Stretch<'_>> {
        let same = self.of_one_environment();
        let mut measured: Vec<(&Commit, Point)> =
            same.filter_map(|commit| Some((commit, commit.point()?))).take(WINDOW).collect();
        measured.reverse();
        let (commits, points): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
        let scale = Scale::of(tolerance, &points, &[])?;
        let sign = Sign::of(self.metric.metric.better)?;
        let thetas = scale.thetas(&points);
        (commits.len() >= FEWEST).then_some(Stretch { commits, thetas, scale, sign })
    }
}

impl Commit {
    /// The median of its epochs, which stands for it.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        Sorted::new(self.epochs.iter().copied()).median()
    }

    fn point(&self) -> Option<Point> {
        Some(Point { value: self.value()?, se: None })
    }
}

impl Stretch<'_> {
    /// A change of θ as a share of the value before, or in the metric's unit; positive is worse.
    fn effect(&self, change: f64) -> f64 {
        self.scale.effect(self.sign, self.sign.worse(change))
    }
}

/// How far `after` lies above `before`: the median of all differences between a value of one and a
/// value of the other (Hodges and Lehmann 1963).
fn hodges_lehmann(before: &[f64], after: &[f64]) -> f64 {
    let differences =
        after.iter().flat_map(|after| before.iter().map(move |before| after - before));
    Sorted::new(differences).median().unwrap_or(0.0)
}
