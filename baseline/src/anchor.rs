//! The first recording that a baseline goes back to, so that many small refreshes, each within its
//! tolerance, cannot carry it far without being seen.

use crate::file::{Baseline, CaseBaseline};
use crate::parse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokgate_core::case::CaseId;
use tokgate_core::metric::MetricRef;

/// The middles of the first recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// When that was, as text.
    pub date: String,
    /// Its commit, where there was a repository.
    pub commit: Option<String>,
    /// For each case and metric the middle of the epochs' values, in the metric's unit. What came
    /// to the baseline later stands with its own first value.
    #[serde(deserialize_with = "cases")]
    pub cases: BTreeMap<CaseId, Middles>,
}

/// The middle of each metric of a case, in the metric's unit.
pub type Middles = BTreeMap<MetricRef, f64>;

impl Anchor {
    /// The anchor that `baseline` goes back to: its own, or itself where it is a first recording.
    #[must_use]
    pub fn of(baseline: &Baseline) -> Self {
        baseline.anchor.clone().unwrap_or_else(|| Self::at(baseline))
    }

    fn at(baseline: &Baseline) -> Self {
        let middles = |(case, metrics): (&CaseId, &CaseBaseline)| (case.clone(), middles(metrics));
        Self {
            date: baseline.provenance.date.clone(),
            commit: baseline.provenance.commit.clone(),
            cases: baseline.cases.iter().map(middles).collect(),
        }
    }

    /// The middle that a metric goes back to.
    #[must_use]
    pub fn middle(&self, case: &CaseId, metric: &MetricRef) -> Option<f64> {
        self.cases.get(case)?.get(metric).copied()
    }
}

fn middles(metrics: &CaseBaseline) -> Middles {
    metrics.iter().filter_map(|(metric, known)| Some((*metric, known.middle()?))).collect()
}

impl Baseline {
    /// This baseline as the successor of `old`: with the anchor of `old`, joined by what is new
    /// here. A case whose question changed begins anew, since its values cannot be compared.
    #[must_use]
    pub fn in_place_of(mut self, old: &Self) -> Self {
        let (mut anchor, own) = (Anchor::of(old), Anchor::at(&self));
        for (case, _) in old.questions_changed(&self) {
            anchor.cases.remove(&case);
        }
        if anchor.cases.is_empty() {
            (anchor.date, anchor.commit) = (own.date, own.commit);
        }
        for (case, middles) in own.cases {
            let known = anchor.cases.entry(case).or_default();
            for (metric, middle) in middles {
                known.entry(metric).or_insert(middle);
            }
        }
        self.anchor = Some(anchor);
        self
    }

    /// The cases that `new` asks something else in, or elsewhere, and what differs.
    #[must_use]
    pub fn questions_changed(&self, new: &Self) -> Vec<(CaseId, Vec<String>)> {
        let known = self.compat_key.cases.keys().filter(|case| new.cases.contains_key(case));
        let changed =
            known.map(|case| (case.clone(), self.compat_key.apart_from(&new.compat_key, case)));
        changed.filter(|(_, differences)| !differences.is_empty()).collect()
    }
}

/// Cases and metrics, none of them twice, each a finite number of 0 or more.
fn cases<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<CaseId, Middles>, D::Error> {
    #[derive(Deserialize)]
    struct Amount(#[serde(deserialize_with = "parse::amount")] f64);
    #[derive(Deserialize)]
    struct Metrics(#[serde(deserialize_with = "parse::unique")] BTreeMap<MetricRef, Amount>);
    let cases: BTreeMap<CaseId, Metrics> = parse::unique(deserializer)?;
    let plain = |Metrics(metrics)| {
        let metrics: BTreeMap<MetricRef, Amount> = metrics;
        metrics.into_iter().map(|(metric, middle)| (metric, middle.0)).collect()
    };
    Ok(cases.into_iter().map(|(case, metrics)| (case, plain(metrics))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::recorded;
    use serde_json::json;

    fn middle(baseline: &Baseline, metric: &str) -> f64 {
        let case = CaseId("quick/one".to_owned());
        Anchor::of(baseline).middle(&case, &metric.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_first_recording_is_its_own_anchor_and_every_refresh_carries_it_over() {
        let first = recorded(1, 1.0);
        let second = recorded(2, 1.1).in_place_of(&first);
        let third = recorded(3, 1.2).in_place_of(&second);
        assert_eq!(first.anchor, None);
        assert_eq!(middle(&third, "ttft.p50"), middle(&first, "ttft.p50"));
        assert_eq!(Baseline::parse(&third.to_json()).unwrap(), third);
    }

    #[test]
    fn another_question_and_a_new_metric_begin_anew() {
        let (first, mut second) = (recorded(1, 1.0), recorded(2, 1.5));
        let case = CaseId("quick/one".to_owned());
        second.compat_key.cases.insert(case.clone(), json!({ "kind": "another" }));
        "later".clone_into(&mut second.provenance.date);
        let renewed = second.clone().in_place_of(&first);
        assert_eq!(middle(&renewed, "ttft.p50"), middle(&second, "ttft.p50"));
        assert_eq!(renewed.anchor.unwrap().date, "later");
        let mut without = first.clone();
        without.cases.get_mut(&case).unwrap().remove(&"tok_s".parse().unwrap());
        let same = recorded(2, 1.5);
        let renewed = same.clone().in_place_of(&without);
        assert_eq!(middle(&renewed, "tok_s"), middle(&same, "tok_s"));
        assert_eq!(middle(&renewed, "ttft.p50"), middle(&first, "ttft.p50"));
    }

    #[test]
    fn an_anchor_that_is_no_amount_is_refused() {
        let text = recorded(2, 1.1).in_place_of(&recorded(1, 1.0)).to_json();
        let at = text.find("\"anchor\"").unwrap();
        let (head, anchor) = text.split_at(at);
        let wrong = anchor.replacen("\"tok_s\": ", "\"tok_s\": -", 1);
        let refused = Baseline::parse(&format!("{head}{wrong}")).unwrap_err().to_string();
        assert!(refused.contains("finite number of 0 or more"), "{refused}");
    }
}
