//! What is found against how long it takes.

use super::cases::CaseNames;
use super::distribution::stat;
use super::unit::Shown;
use super::{Figure, Mark, PALETTE, Point};
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::report::{CaseReport, Report};

/// The recalls, the one that is told where several are first.
const RECALLS: [&Metric; 3] = [&metric::RECALL_AT_10, &metric::RECALL_AT_1, &metric::RECALL_AT_100];

/// Recall against the latency of a query, a point a case; cells of one case are joined. `None` where no
/// case searched.
pub(super) fn figure(report: &Report) -> Option<Figure> {
    let latency = stat(&metric::QUERY, Stat::P95);
    let searched = || report.cases.iter().filter(|case| case.summary.estimate(latency).is_some());
    let recall = RECALLS
        .into_iter()
        .map(MetricRef::value)
        .find(|recall| searched().any(|case| case.summary.estimate(*recall).is_some()))?;
    let estimates: Vec<_> = searched().filter_map(|case| case.summary.estimate(latency)).collect();
    let shown = Shown::of_all(metric::QUERY.unit, estimates.iter());
    let share = Shown::of(recall.metric.unit, 1.0);
    let y =
        shown.axis(&metric::QUERY).fitted(estimates.iter().map(|found| shown.scale(found.value)));
    let title = format!("Query latency (p95) against {}", recall.metric.name);
    let mut figure = Figure::new("recall-against-latency", title, share.axis(recall.metric), y);
    let point = |case: &CaseReport| {
        let found = case.summary.estimate(recall)?;
        Some(shown.point(share.scale(found.value), &case.summary.estimate(latency)?))
    };
    let groups = groups(searched(), CaseNames::of(report));
    let all = groups.len();
    for (name, cases) in groups.into_iter().take(PALETTE.len()) {
        let mut points: Vec<Point> = cases.into_iter().filter_map(point).collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        let mark = if points.len() > 1 { Mark::Line } else { Mark::Dots };
        figure = figure.layer(name, mark, points);
    }
    if all > PALETTE.len() {
        figure = figure.note(format!("the first {} of {all} cases", PALETTE.len()));
    }
    figure.note("further right and lower is better; intervals are at 95 %").made()
}

/// Cells of one case on one platform belong together.
fn groups<'a>(
    cases: impl Iterator<Item = &'a CaseReport>,
    names: CaseNames,
) -> Vec<(String, Vec<&'a CaseReport>)> {
    let mut groups: Vec<(String, Vec<&CaseReport>)> = Vec::new();
    for case in cases {
        let key = |case: &CaseReport| {
            (
                case.case.id.scenario().to_owned(),
                case.case.id.case().to_owned(),
                case.target.platform.clone(),
            )
        };
        match groups.iter_mut().find(|(_, known)| key(known[0]) == key(case)) {
            Some((_, known)) => known.push(case),
            None => groups.push((names.name(case), vec![case])),
        }
    }
    for (name, cases) in &mut groups {
        if let [first, _, ..] = cases.as_slice() {
            *name = format!("{} ({})", first.case.id.case(), first.target.platform);
        }
    }
    groups
}
