//! What pairs say, from their raw epochs: when they were measured, and whenever they are read again.

use super::control;
use super::describe::{are_equal, describe};
use super::measure::Pairs;
use crate::session::MeasuredCase;
use crate::store::Stored;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use tokgate_baseline::file::CaseBaseline;
use tokgate_baseline::{Alike, Evidence, Paired, Rules, is_open, judge_extended, judge_pairs};
use tokgate_core::case::{Case, CaseId};
use tokgate_core::metric::MetricRef;
use tokgate_core::report;
use tokgate_core::run::{Arm, Head, Run};
use tokgate_core::validity::Reason;
use tokgate_core::verdict::{Judged, Verdict};

/// Everything that was measured of one comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// The cases, in their order, each with an epoch of either side at least.
    pub cases: Vec<Pairs>,
    /// The control beside them; empty without one.
    pub control: Pairs,
}

/// What a baseline knows of a case, where there is one.
pub type Known<'a> = &'a dyn Fn(&CaseId) -> Option<&'a CaseBaseline>;

impl Pairs {
    /// The case, as the head has it. `None` without a head.
    #[must_use]
    pub fn case(&self) -> Option<&Case> {
        self.head.first().map(|epoch| &epoch.run.head.case)
    }

    /// Pairs of the first look; all that are more were added because it left something open.
    fn first_look(&self) -> usize {
        self.case().map_or(0, |case| case.run.epochs as usize)
    }

    /// Why epochs were set aside: one reason of each kind, with how often that kind was met.
    fn set_aside(&self) -> Vec<String> {
        let reasons = || self.base.iter().chain(&self.head).flat_map(|it| it.validity.reasons());
        let mut kinds: Vec<&Reason> = Vec::new();
        for reason in reasons() {
            if !kinds.iter().any(|known| discriminant(*known) == discriminant(reason)) {
                kinds.push(reason);
            }
        }
        let told = |kind: &Reason| {
            let alike = |it: &&Reason| discriminant(*it) == discriminant(kind);
            match reasons().filter(alike).count() {
                1 => kind.to_string(),
                times => format!("{kind} (and {} more like it)", times - 1),
            }
        };
        kinds.into_iter().map(told).collect()
    }

    /// What the first `most` of its sound pairs say.
    fn evidence(&self, most: usize, known: Known<'_>) -> Evidence {
        let (base, head): (Vec<&Run>, Vec<&Run>) =
            self.sound().into_iter().take(most).map(|(base, head)| (&base.run, &head.run)).unzip();
        let set_aside = self.set_aside();
        let case = self.case().expect("a case that is judged has a head");
        let known = known(&case.id);
        let paired = Paired { base: &base, head: &head, set_aside: &set_aside, known };
        paired.evidence(case)
    }

    /// How the case was compared, as a report has it.
    ///
    /// # Panics
    /// Without an epoch of either side.
    #[must_use]
    pub fn told(&self) -> report::Pairs {
        let counted = self.sound().len();
        let (base, head) = describe(self.side(Arm::Base).head(), self.side(Arm::Head).head());
        let set_aside = self.base.len().max(self.head.len()) - counted;
        let pairs = self.sound().into_iter();
        let alike = pairs.map(|(base, head)| Alike::of(&base.run, &head.run));
        let Alike { compared, same } = alike.fold(Alike::default(), Alike::and);
        report::Pairs {
            base,
            head,
            counted,
            set_aside,
            reasons: self.set_aside(),
            asked: compared,
            alike: same,
        }
    }

    /// One side as it counts: its sound epochs, or all of them where there is none.
    #[must_use]
    pub fn side(&self, arm: Arm) -> MeasuredCase {
        let sound = self.sound().into_iter();
        let mut epochs: Vec<&Stored> = match arm {
            Arm::Base => sound.map(|(base, _)| base).collect(),
            Arm::Head => sound.map(|(_, head)| head).collect(),
        };
        if epochs.is_empty() {
            epochs = self.all(arm).iter().collect();
        }
        MeasuredCase::of(epochs.into_iter().cloned().collect())
    }

    /// Every epoch of one side; `None` where it has none.
    #[must_use]
    pub fn whole_side(&self, arm: Arm) -> Option<MeasuredCase> {
        let epochs = self.all(arm);
        (!epochs.is_empty()).then(|| MeasuredCase::of(epochs.to_vec()))
    }

    fn all(&self, arm: Arm) -> &[Stored] {
        match arm {
            Arm::Base => &self.base,
            Arm::Head => &self.head,
        }
    }
}

impl Comparison {
    /// The pairs among stored epochs, in the order in which their cases were measured. `None` where
    /// no case has both sides.
    #[must_use]
    pub fn of(epochs: Vec<Stored>) -> Option<Self> {
        let mut order: Vec<CaseId> = Vec::new();
        let mut cases: BTreeMap<CaseId, Pairs> = BTreeMap::new();
        for epoch in epochs {
            let id = epoch.run.head.case.id.clone();
            let pairs = cases.entry(id.clone()).or_insert_with(|| {
                order.push(id);
                Pairs::default()
            });
            match epoch.run.head.arm {
                Arm::Base => pairs.base.push(epoch),
                Arm::Head => pairs.head.push(epoch),
            }
        }
        let (control, cases): (Vec<_>, Vec<_>) = order
            .into_iter()
            .filter_map(|id| cases.remove_entry(&id))
            .filter(|(_, pairs)| !pairs.base.is_empty() && !pairs.head.is_empty())
            .partition(|(id, _)| control::is_named(id));
        let pairs = |(_, pairs)| pairs;
        let cases: Vec<Pairs> = cases.into_iter().map(pairs).collect();
        let control = control.into_iter().map(pairs).next().unwrap_or_default();
        (!cases.is_empty()).then_some(Self { cases, control })
    }

    /// Whether both sides are the same thing, so that whatever is said to differ does not.
    #[must_use]
    pub fn is_of_equals(&self) -> bool {
        self.cases.iter().all(|pairs| match (pairs.base.first(), pairs.head.first()) {
            (Some(base), Some(head)) => are_equal(&base.run.head, &head.run.head),
            _ => false,
        })
    }

    /// Whether epochs were set aside, and the host's noise is all that is wrong with them.
    #[must_use]
    pub fn is_disturbed(&self) -> bool {
        let epochs = self.cases.iter().flat_map(|pairs| pairs.base.iter().chain(&pairs.head));
        let mut reasons = epochs.flat_map(|epoch| epoch.validity.reasons()).peekable();
        reasons.peek().is_some() && reasons.all(Reason::is_host)
    }

    /// Judges of each case only those metrics that a screen named.
    pub fn suspect(&mut self, named: &BTreeMap<CaseId, BTreeSet<MetricRef>>) {
        for epoch in self.cases.iter_mut().flat_map(|pairs| &mut pairs.head) {
            let case = &mut epoch.run.head.case;
            let named = named.get(&case.id);
            let is_named = |metric: &MetricRef| named.is_some_and(|it| it.contains(metric));
            case.gate.tolerances.retain(|metric, _| is_named(metric));
            case.gate.suspected = true;
        }
    }

    /// Every epoch, the control's among them, by its name.
    pub fn test_ids(&self) -> impl Iterator<Item = String> {
        let all = self.cases.iter().chain([&self.control]);
        let epochs = all.flat_map(|pairs| pairs.base.iter().chain(&pairs.head));
        epochs.map(|epoch| epoch.run.head.test_id.clone())
    }

    /// The run that measured them.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        let first = self.cases.first()?.head.first()?;
        Some(&first.run.head.run_id)
    }

    /// Whether an epoch is the control's.
    #[must_use]
    pub fn is_control(head: &Head) -> bool {
        control::is_named(&head.case.id)
    }

    /// The cases of which the first look left something open: more pairs may decide it.
    #[must_use]
    pub fn open(&self, known: Known<'_>) -> Vec<usize> {
        let first = self.first(known).into_iter().enumerate();
        first
            .filter(|(_, judged)| judged.iter().any(|judged| is_open(judged.verdict)))
            .map(|(case, _)| case)
            .collect()
    }

    fn first(&self, known: Known<'_>) -> Vec<Vec<Judged>> {
        let first = |pairs: &Pairs| pairs.evidence(pairs.first_look(), known);
        let evidence: Vec<Evidence> = self.cases.iter().map(first).collect();
        judge_pairs(&evidence, Rules::default().first_look())
    }

    /// The verdicts, case by case. Where the control moved, none of them may be judged.
    #[must_use]
    pub fn judged(&self, known: Known<'_>) -> Vec<Vec<Judged>> {
        let mut all: Vec<Evidence> =
            self.cases.iter().map(|pairs| pairs.evidence(usize::MAX, known)).collect();
        let moved = self.moved();
        if !moved.is_empty() {
            all.iter_mut().for_each(|evidence| evidence.invalid.extend(moved.iter().cloned()));
            return judge_pairs(&all, Rules::default());
        }
        judge_extended(self.first(known), &all, Rules::default())
    }

    /// What is said of the control's own metrics; nothing without one.
    #[must_use]
    pub fn control_judged(&self) -> Vec<Judged> {
        let Some(_) = self.control.case() else { return Vec::new() };
        let evidence = self.control.evidence(usize::MAX, &|_| None);
        // Whether it moved is asked of valid pairs alone: those that are not say so themselves.
        let evidence = Evidence { invalid: Vec::new(), ..evidence };
        judge_pairs(&[evidence], Rules::default()).concat()
    }

    /// How the control moved, in words; empty where it did not, or where there is none.
    fn moved(&self) -> Vec<String> {
        let judged = self.control_judged().into_iter();
        judged
            .filter(|it| matches!(it.verdict, Verdict::Regressed | Verdict::Improved))
            .filter_map(|it| {
                let change = 100.0 * it.comparison.as_ref()?.effect;
                let (share, word) = (change.abs(), if change > 0.0 { "worse" } else { "better" });
                Some(format!(
                    "the control, which neither side touches, is {share:.1} % {word} beside the \
                     head in {}: end what else runs here, and measure again",
                    it.metric
                ))
            })
            .collect()
    }
}
