//! Whether a change may pass: a screen against the recorded baselines names suspects, pairs of base
//! and head decide. It starts from epochs, so that it says the same when they were measured just now
//! and when somebody else measured them.

use crate::again::judge_pairs;
use crate::baselines::Found;
use crate::decided::{Decided, evidence, missing, report_case};
use crate::paired::Comparison;
use crate::session::{Identity, MeasuredCase};
use std::collections::{BTreeMap, BTreeSet};
use tokgate_baseline::file::CaseBaseline;
use tokgate_baseline::{Nomination, Screened, screen};
use tokgate_core::case::{Case, CaseId};
use tokgate_core::metric::MetricRef;
use tokgate_core::report::{CaseReport, ComparedWith, Dropped, Report, Unmeasured};
use tokgate_core::verdict::{Conclusion, Exit, Judged};

/// The metrics of each case that pairs must decide.
pub type Suspects = BTreeMap<CaseId, BTreeSet<MetricRef>>;

/// What a change is held against.
#[derive(Debug, Clone, Copy)]
pub struct Gating<'a> {
    /// The recorded baseline of each scenario, by its name.
    pub baselines: &'a BTreeMap<String, Found>,
    /// Whether what is merely not proven fails.
    pub strict: bool,
}

/// What was measured of a change.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// Who measured the head.
    pub identity: &'a Identity,
    /// The head's cases.
    pub screen: &'a [MeasuredCase],
    /// Every case of the scenarios.
    pub planned: &'a [CaseId],
    /// The pairs of the suspects; absent where none were measured.
    pub pairs: Option<&'a Comparison>,
    /// What could not be measured.
    pub unmeasured: &'a [Unmeasured],
}

impl Gating<'_> {
    /// Who must be measured in pairs: what the screen named as worse, and everything of a scenario
    /// that has no baseline.
    #[must_use]
    pub fn suspects(&self, measured: &[MeasuredCase]) -> Suspects {
        let screened = self.screened(measured);
        let named = measured.iter().zip(&screened).map(|(case, screened)| {
            let case = &case.head().case;
            (case.id.clone(), named(case, screened.as_deref()))
        });
        named.filter(|(_, metrics)| !metrics.is_empty()).collect()
    }

    /// What the screen says of each case; `None` where there is nothing to screen it against.
    fn screened(&self, measured: &[MeasuredCase]) -> Vec<Option<Vec<Screened>>> {
        let against: Vec<_> = measured
            .iter()
            .map(|case| {
                let found = self.baselines.get(case.head().case.id.scenario())?;
                Some(evidence(case).screened(found.baseline.as_ref()?))
            })
            .collect();
        let all: Vec<_> = against.iter().flatten().cloned().collect();
        let mut screened = screen(&all).into_iter();
        against.iter().map(|case| case.as_ref().and_then(|_| screened.next())).collect()
    }

    /// Everything decided: of suspects by their pairs, of all else by the screen. Where there is neither
    /// a baseline nor a pair, nothing was judged, and nothing passes.
    #[must_use]
    pub fn report(&self, measured: &Measured<'_>) -> Report {
        let Measured { identity, screen, planned, pairs, unmeasured } = *measured;
        let known = |case: &CaseId| self.known(case);
        let paired =
            pairs.map(|pairs| judge_pairs(identity, pairs, &known, Vec::new(), self.strict));
        let of = |case: &CaseId| {
            paired.iter().flat_map(|report| &report.cases).find(|it| it.case.id == *case)
        };
        let screened = screen.iter().zip(self.screened(screen)).map(|(case, screened)| {
            let judged = screened.into_iter().flatten().map(|one| one.judged).collect();
            let report = report_case(case, judged);
            match of(&case.head().case.id) {
                Some(paired) => decided_by(report, paired),
                None => report,
            }
        });
        let cases: Vec<CaseReport> = screened.collect();
        let scenarios: BTreeSet<&str> = planned.iter().map(CaseId::scenario).collect();
        let all = Decided {
            identity,
            scenario: scenarios.into_iter().collect::<Vec<_>>().join("+"),
            cases,
            unmeasured: unmeasured.to_vec(),
            dropped: self.dropped(planned),
            control: paired.map_or_else(Vec::new, |report| report.control),
            compared_with: self.compared_with(pairs.is_some()),
            strict: self.strict,
        };
        let mut report = all.report();
        if report.compared_with.is_nothing() {
            report.conclusion = Conclusion::Invalid;
            report.exit = report.exit.worst(Exit::Invalid);
        }
        report
    }

    fn known(&self, case: &CaseId) -> Option<&CaseBaseline> {
        self.baselines.get(case.scenario())?.baseline.as_ref()?.cases.get(case)
    }

    fn dropped(&self, planned: &[CaseId]) -> Vec<Dropped> {
        let baselines = self.baselines.values().filter_map(|found| found.baseline.as_ref());
        baselines.flat_map(|baseline| missing(baseline, planned)).collect()
    }

    fn compared_with(&self, in_pairs: bool) -> ComparedWith {
        let named = self.baselines.values().filter_map(|found| match &found.compared_with {
            ComparedWith::Baseline(name) => Some(name.clone()),
            ComparedWith::Nothing(_) => None,
        });
        let mut named: Vec<String> = named.collect();
        if in_pairs {
            named.push("the base, in pairs".to_owned());
        }
        match named.is_empty() {
            true => ComparedWith::Nothing("no recorded baseline, and no base in pairs".to_owned()),
            false => ComparedWith::Baseline(named.join(" and ")),
        }
    }
}

fn named(case: &Case, screened: Option<&[Screened]>) -> BTreeSet<MetricRef> {
    match screened {
        Some(screened) => {
            let worse = |one: &&Screened| one.nominated == Some(Nomination::Worse);
            screened.iter().filter(worse).map(|one| one.judged.metric).collect()
        }
        None => case.gate.tolerances.keys().copied().collect(),
    }
}

/// The case with the word of its pairs in the place of the screen's.
fn decided_by(report: CaseReport, paired: &CaseReport) -> CaseReport {
    let is_decided = |one: &Judged| paired.verdicts.iter().any(|it| it.metric == one.metric);
    let mut verdicts = report.verdicts;
    verdicts.retain(|one| !is_decided(one));
    verdicts.extend(paired.verdicts.iter().cloned());
    verdicts.sort_by_key(|one| one.metric);
    CaseReport { verdicts, pairs: paired.pairs.clone(), ..report }
}
