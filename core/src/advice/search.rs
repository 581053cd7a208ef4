//! What a search says: candidates cost time and bring recall, and one of both may be to spare.

use super::{About, Advice, Facts, advise};
use crate::case::{Case, DriverKind};
use crate::goal::Goal;
use crate::metric::{self, Metric};

/// A number is to spare where it is this share of its line away from it.
const TO_SPARE: f64 = 0.1;

pub(super) fn advice(facts: &Facts<'_>) -> impl Iterator<Item = Advice> {
    traded(facts).into_iter()
}

/// How a goal stands.
struct Standing<'a> {
    goal: &'a Goal,
    value: f64,
}

impl Standing<'_> {
    fn is_missed(&self) -> bool {
        !self.goal.bound.is_met(self.value)
    }

    fn told(&self) -> String {
        let unit = self.goal.metric.metric.unit;
        let (metric, value) = (self.goal.metric, unit.show(self.value));
        format!("{metric} is {value}, where {} is wanted", self.goal.bound.show(unit))
    }
}

fn standing<'a>(facts: &Facts<'a>, of: &[&Metric]) -> Option<Standing<'a>> {
    let goals = facts.epochs.first()?.head.case.goals.iter();
    goals
        .filter(|goal| of.contains(&goal.metric.metric))
        .filter_map(|goal| {
            Some(Standing { goal, value: facts.summary.estimate(goal.metric)?.value })
        })
        .next()
}

fn traded(facts: &Facts<'_>) -> Option<Advice> {
    let recall = [&metric::RECALL_AT_1, &metric::RECALL_AT_10, &metric::RECALL_AT_100];
    let recall = standing(facts, &recall)?;
    let latency = standing(facts, &[&metric::QUERY, &metric::E2E_DUE, &metric::RAG_SEARCH])?;
    let knob = knob(&facts.first()?.head.case)?;
    let evidence = format!("{}, and {}", recall.told(), latency.told());
    // A latency to spare would still keep to its line were it longer; a recall, were it lower.
    let latency_to_spare = latency.goal.bound.is_met(latency.value * (1.0 + TO_SPARE));
    let missing = (1.0 - recall.value) * (1.0 + TO_SPARE);
    let recall_to_spare = recall.value >= 1.0 || recall.goal.bound.is_met(1.0 - missing);
    match (recall.is_missed(), latency.is_missed()) {
        (true, false) if latency_to_spare => {
            advise(About::MoreCandidates, evidence, format!("raise {knob}"))
        }
        (false, true) if recall_to_spare => {
            advise(About::FewerCandidates, evidence, format!("lower {knob}"))
        }
        (true | false, true | false) => None,
    }
}

/// What decides how many candidates are looked at, with its value; `None` where all rows are.
fn knob(case: &Case) -> Option<String> {
    let search = case.retrieval.as_ref()?;
    if let Some(hnsw) = search.hnsw {
        return Some(format!("`ef_search = {}`", hnsw.ef_search));
    }
    let engine = case.rag.as_ref().map_or(case.target.driver, |rag| rag.engine);
    match (search.nprobe, engine) {
        (Some(nprobe), _) => Some(format!("`nprobe = {nprobe}` or `rescore = {}`", search.rescore)),
        (None, DriverKind::FlatQ4) => Some(format!("`rescore = {}`", search.rescore)),
        (None, _) => None,
    }
}
