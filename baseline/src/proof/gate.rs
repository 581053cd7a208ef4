//! Changes that are judged from beginning to end: a baseline, a screen, pairs of its suspects, and
//! the extension that is allowed.

use super::world::{Noise, World};
use crate::arms::{Arms, Gated};
use crate::file::EpochValue;
use crate::fixture::{Luck, gated};
use crate::rate::Rate;
use crate::screen::screened;
use crate::{
    Evidence, Finding, Nomination, Pair, Rules, compare_bookings, compare_pairs, is_open,
    judge_bookings, judge_extended, judge_pairs, screen,
};
use tokgate_core::gate::MUST_DETECT;
use tokgate_core::metric::{E2E, TOK_S};
use tokgate_core::verdict::Verdict;

/// Metrics that are gated at once.
const METRICS: usize = 20;
/// Pairs of a look, and pairs without a change in a baseline.
const PAIRS: usize = 8;
/// The tolerance of every metric.
const TOLERANCE: f64 = 0.02;

/// One change under judgement: each of its metrics has its own luck.
#[derive(Debug, Clone, Copy)]
struct Trial {
    /// Where the baseline was recorded.
    before: World,
    /// Where the change is measured.
    now: World,
    /// How much worse the first `hurt` metrics are, as a share.
    effect: f64,
    hurt: usize,
    /// Metrics in all.
    metrics: usize,
}

/// A metric with its baseline.
struct Subject {
    gated: Gated,
    /// The logarithm that the change adds.
    shift: f64,
    same: Vec<f64>,
    pairs: Vec<Pair>,
}

impl Trial {
    /// No change at all.
    fn none(world: World) -> Self {
        Self { before: world, now: world, effect: 0.0, hurt: 0, metrics: METRICS }
    }

    /// One of the metrics is worse.
    fn one_worse(world: World, effect: f64) -> Self {
        Self { effect, hurt: 1, ..Self::none(world) }
    }

    /// Every metric sits on its tolerance: the worst that is still allowed.
    fn at_the_edge(world: World) -> Self {
        Self { effect: TOLERANCE, hurt: METRICS, ..Self::none(world) }
    }

    fn alone(self) -> Self {
        Self { metrics: 1, ..self }
    }

    fn subjects(&self, luck: &mut Luck) -> Vec<Subject> {
        (0..self.metrics).map(|number| self.subject(luck, number)).collect()
    }

    /// Times and rates in turn.
    fn subject(&self, luck: &mut Luck, number: usize) -> Subject {
        let effect = if number < self.hurt { self.effect } else { 0.0 };
        let (metric, factor) = match number % 2 {
            0 => (&E2E, 1.0 + effect),
            _ => (&TOK_S, 1.0 - effect),
        };
        let same = pairs(luck, self.before, 0.0);
        let same = same.iter().map(|pair| (pair.head / pair.base).ln()).collect();
        Subject { gated: gated(metric), shift: factor.ln(), same, pairs: Vec::new() }
    }

    /// Twelve epochs of a baseline in six bookings, and three of the head.
    fn screened(&self, luck: &mut Luck, subject: &Subject) -> Finding {
        let base: Vec<f64> = (0..6).flat_map(|_| self.before.booking(luck, 2)).collect();
        let head = self.now.booking(luck, 3);
        let values = |logarithms: &[f64], shift: f64| -> Vec<f64> {
            logarithms.iter().map(|theta| (theta + shift).exp()).collect()
        };
        let arms = Arms::new(subject.gated, &values(&base, 0.0), &values(&head, subject.shift));
        let arms = arms.unwrap();
        Finding { metric: subject.gated.metric, what: arms.compare(screened) }
    }

    /// The subjects that the screen nominates.
    fn suspects(&self, luck: &mut Luck) -> Vec<Subject> {
        let subjects = self.subjects(luck);
        let findings = subjects.iter().map(|subject| self.screened(luck, subject)).collect();
        let screened = screen(&evidence(findings)).concat();
        let nominated = subjects.into_iter().zip(screened);
        nominated.filter(|(_, it)| it.nominated == Some(Nomination::Worse)).map(|it| it.0).collect()
    }

    /// Pairs of the suspects, more of them where they do not decide, and the verdicts.
    fn judged(&self, luck: &mut Luck, mut suspects: Vec<Subject>) -> Vec<Verdict> {
        suspects.iter_mut().for_each(|suspect| suspect.measure(luck, self.now));
        let rules = Rules::default();
        let first = judge_pairs(&compared(&suspects), rules.first_look());
        for (suspect, judged) in suspects.iter_mut().zip(&first[0]) {
            if is_open(judged.verdict) {
                suspect.measure(luck, self.now);
            }
        }
        let last = judge_extended(first, &compared(&suspects), rules);
        last.concat().iter().map(|judged| judged.verdict).collect()
    }

    /// How often anything is convicted after the screen.
    fn convicted(&self, tries: usize) -> Rate {
        let luck = &mut Luck::new(1);
        Rate::of(tries, |_| {
            let suspects = self.suspects(luck);
            self.judged(luck, suspects).contains(&Verdict::Regressed)
        })
    }

    /// How often anything is, when every metric is a suspect.
    fn convicted_in_pairs(&self, tries: usize) -> Rate {
        let luck = &mut Luck::new(2);
        Rate::of(tries, |_| {
            let suspects = self.subjects(luck);
            self.judged(luck, suspects).contains(&Verdict::Regressed)
        })
    }

    /// How often one look at the pairs of a single metric convicts.
    fn convicted_at_once(&self, tries: usize) -> Rate {
        let luck = &mut Luck::new(3);
        Rate::of(tries, |_| {
            let finding = self.alone().looked_at(luck);
            let judged = judge_pairs(&evidence(vec![finding]), Rules::default()).concat();
            judged[0].verdict == Verdict::Regressed
        })
    }

    fn looked_at(&self, luck: &mut Luck) -> Finding {
        let mut subject = self.subject(luck, 0);
        subject.measure(luck, self.now);
        subject.compared()
    }

    /// The mean of what is printed as detectable.
    fn mde(&self, tries: usize) -> f64 {
        let luck = &mut Luck::new(4);
        let told = (0..tries).filter_map(|_| self.looked_at(luck).both()?.comparison.mde);
        told.sum::<f64>() / tries as f64
    }
}

impl Subject {
    /// Measures a look's worth of pairs.
    fn measure(&mut self, luck: &mut Luck, world: World) {
        self.pairs.extend(pairs(luck, world, self.shift));
    }

    fn compared(&self) -> Finding {
        compare_pairs(self.gated, &self.pairs, &self.same).unwrap()
    }
}

/// How often a change is convicted without pairs: by two bookings of two epochs, against a baseline
/// of eight.
fn convicted_unpaired(world: World, effect: f64, tries: usize) -> Rate {
    let luck = &mut Luck::new(6);
    let shift = effect.ln_1p();
    let mut booking = |shift: f64| -> Vec<f64> {
        world.booking(luck, 2).iter().map(|theta| (theta + shift).exp()).collect()
    };
    Rate::of(tries, |_| {
        let base: Vec<EpochValue> =
            (0..8).flat_map(|number| known(number, &booking(0.0))).collect();
        let head = [booking(shift), booking(shift)];
        let found = compare_bookings(gated(&E2E), &base, [&head[0], &head[1]]).unwrap();
        let judged = judge_bookings(&evidence(vec![found]), Rules::default()).concat();
        assert_ne!(judged[0].verdict, Verdict::Regressed);
        judged[0].verdict == Verdict::RegressedUnpaired
    })
}

/// The epochs of a baseline's booking.
fn known(booking: usize, values: &[f64]) -> Vec<EpochValue> {
    let epoch = |value: &f64| EpochValue { booking: booking.to_string(), value: *value, se: None };
    values.iter().map(epoch).collect()
}

/// Pairs of one booking, base and head first in turn.
fn pairs(luck: &mut Luck, world: World, shift: f64) -> Vec<Pair> {
    let epochs = world.booking(luck, 2 * PAIRS);
    let pair = |(number, epochs): (usize, &[f64])| {
        let (base, head) = match number % 2 {
            0 => (epochs[0], epochs[1]),
            _ => (epochs[1], epochs[0]),
        };
        Pair { base: base.exp(), head: (head + shift).exp() }
    };
    epochs.chunks(2).enumerate().map(pair).collect()
}

/// The same epochs taken otherwise: all of the base, then all of the head.
fn one_after_the_other(luck: &mut Luck, world: World) -> Vec<Pair> {
    let epochs = world.booking(luck, 2 * PAIRS);
    let (base, head) = epochs.split_at(PAIRS);
    base.iter().zip(head).map(|(base, head)| Pair { base: base.exp(), head: head.exp() }).collect()
}

fn evidence(findings: Vec<Finding>) -> Vec<Evidence> {
    let must_detect = MUST_DETECT;
    vec![Evidence {
        invalid: Vec::new(),
        differences: Vec::new(),
        findings,
        must_detect,
        suspected: true,
    }]
}

fn compared(suspects: &[Subject]) -> Vec<Evidence> {
    evidence(suspects.iter().map(Subject::compared).collect())
}

/// Steady and noisy machines, with what makes statistics err, by name.
fn worlds() -> Vec<(String, World)> {
    let steady = [0.0075, 0.03].map(|size| World::of(Noise::Normal, size));
    let shapes = Noise::ALL.map(|noise| World::of(noise, 0.015));
    let drifting = World { drift: 0.03, ..World::of(Noise::Normal, 0.015) };
    let all = [&steady[..], &shapes, &[drifting]].concat();
    all.into_iter().map(|world| (world.name(), world)).collect()
}

/// Three times the noise that the baseline knew.
fn tripled(trial: Trial) -> Trial {
    Trial { now: World { pairs: 3.0 * trial.before.pairs, ..trial.now }, ..trial }
}

#[test]
fn no_change_is_convicted_in_any_world() {
    for (name, world) in worlds() {
        let trial = Trial::none(world);
        assert_eq!(trial.convicted(100).happened, 0, "{name}");
        assert_eq!(trial.convicted_in_pairs(100).happened, 0, "{name}");
        assert!(tripled(trial).convicted_in_pairs(100).happened <= 1, "{name}, tripled");
    }
}

#[test]
fn a_drift_is_convicted_where_one_side_follows_the_other_and_not_in_pairs() {
    let world = World { drift: 0.06, ..World::of(Noise::Normal, 0.0075) };
    let luck = &mut Luck::new(7);
    let mut convicted = |pairs: fn(&mut Luck, World) -> Vec<Pair>| {
        Rate::of(100, |_| {
            let finding = compare_pairs(gated(&E2E), &pairs(luck, world), &[]).unwrap();
            let judged = judge_pairs(&evidence(vec![finding]), Rules::default()).concat();
            judged[0].verdict == Verdict::Regressed
        })
    };
    assert!(convicted(one_after_the_other).share() > 0.2);
    assert_eq!(convicted(|luck, world| pairs(luck, world, 0.0)).happened, 0);
}

#[test]
fn at_the_edge_of_the_tolerance_few_changes_are_convicted() {
    // At 1 % more than 9 of 300 come up in 1 of 1000 tries.
    let rate = Trial::at_the_edge(World::of(Noise::Normal, 0.015)).convicted_in_pairs(300);
    assert!((1..=9).contains(&rate.happened), "{rate:?}");
}

#[test]
fn ten_percent_are_convicted_and_their_opposite_is_not() {
    for noise in Noise::ALL {
        let worse = Trial::one_worse(World::of(noise, 0.015), 0.1);
        assert!(worse.convicted(50).share() >= 0.95, "{noise:?}");
        let better = Trial { effect: -0.1, ..worse };
        assert_eq!(better.convicted_in_pairs(50).happened, 0, "{noise:?}");
    }
}

#[test]
fn what_is_told_as_detectable_is_found_four_times_in_five() {
    let world = World::of(Noise::Normal, 0.015);
    let mde = Trial::none(world).mde(200);
    let found = |times: f64| Trial::one_worse(world, times * mde).convicted_at_once(400).share();
    assert!((0.65..=0.95).contains(&found(1.0)), "{}", found(1.0));
    assert!(found(1.3) >= 0.9, "{}", found(1.3));
}

#[test]
fn two_bookings_rarely_err_and_find_what_is_large() {
    let steady = World::of(Noise::Normal, 0.01);
    assert!(convicted_unpaired(steady, TOLERANCE, 500).share() <= 0.01);
    assert!(convicted_unpaired(steady, 0.15, 100).share() >= 0.95);
}

#[test]
fn swapped_sides_are_the_opposite_verdict() {
    let luck = &mut Luck::new(5);
    let trial = Trial { hurt: METRICS, ..Trial::one_worse(World::of(Noise::Normal, 0.015), 0.06) };
    let mut suspects = trial.subjects(luck);
    suspects.iter_mut().for_each(|suspect| suspect.measure(luck, trial.now));
    let verdicts = |suspects: &[Subject]| -> Vec<Verdict> {
        let judged = judge_pairs(&compared(suspects), Rules::default()).concat();
        judged.iter().map(|judged| judged.verdict).collect()
    };
    let there = verdicts(&suspects);
    for pair in suspects.iter_mut().flat_map(|suspect| &mut suspect.pairs) {
        *pair = Pair { base: pair.head, head: pair.base };
    }
    let back = verdicts(&suspects);
    assert!(there.contains(&Verdict::Regressed));
    let regressed = |verdict: &Verdict| *verdict == Verdict::Regressed;
    let improved = |verdict: &Verdict| *verdict == Verdict::Improved;
    assert!(there.iter().map(regressed).eq(back.iter().map(improved)), "{there:?} {back:?}");
}

#[test]
#[ignore = "the whole of the proof, in release, takes a minute"]
fn whole_of_no_change() {
    for (name, world) in worlds() {
        let trial = Trial::none(world);
        for (what, rate) in [
            ("screened", trial.convicted(3000)),
            ("all in pairs", trial.convicted_in_pairs(3000)),
            ("all in pairs, noise tripled", tripled(trial).convicted_in_pairs(3000)),
        ] {
            rate.print(&format!("no change, {METRICS} metrics, {name}, {what}"));
            assert!(rate.upper(0.99) <= 0.01, "{name}, {what}: {rate:?}");
        }
    }
}

#[test]
#[ignore = "the whole of the proof, in release, takes a minute"]
fn whole_of_two_bookings() {
    for (name, world) in worlds() {
        for effect in [0.0, TOLERANCE, 0.05, 0.1] {
            let rate = convicted_unpaired(world, effect, 10_000);
            rate.print(&format!("+{:.0} % without pairs, {name}", 100.0 * effect));
            assert!(effect > TOLERANCE || rate.upper(0.99) <= 0.01, "{name}: {rate:?}");
        }
    }
}

#[test]
#[ignore = "the whole of the proof, in release, takes a minute"]
fn whole_of_the_edge() {
    for (name, world) in worlds() {
        let trial = Trial::at_the_edge(world);
        let (pairs, tripled) =
            (trial.convicted_in_pairs(3000), tripled(trial).convicted_in_pairs(3000));
        pairs.print(&format!("every metric at its tolerance, {name}"));
        tripled.print(&format!("every metric at its tolerance, {name}, noise tripled"));
        // Epochs that resemble each other make pairs that do, a little.
        let most = if matches!(world.noise, Noise::Wandering(_)) { 0.025 } else { 0.015 };
        assert!(pairs.share() <= most, "{name}: {pairs:?}");
    }
}

#[test]
#[ignore = "the whole of the proof, in release, takes a minute"]
fn whole_of_power() {
    for (name, world) in worlds() {
        for effect in [0.04, 0.05, 0.07, 0.1] {
            let trial = Trial::one_worse(world, effect);
            let percent = 100.0 * effect;
            trial
                .convicted(1000)
                .print(&format!("+{percent:.0} % in one metric, {name}, screened"));
            let alone = trial.alone().convicted_in_pairs(1000);
            alone.print(&format!("+{percent:.0} % in the only suspect, {name}"));
        }
    }
}

#[test]
#[ignore = "the whole of the proof, in release, takes a minute"]
fn whole_of_what_is_detectable() {
    for (name, world) in worlds() {
        let mde = Trial::none(world).mde(1000);
        let found = |times: f64| Trial::one_worse(world, times * mde).convicted_at_once(2000);
        let (at, beyond) = (found(1.0), found(1.3));
        let percent = 100.0 * mde;
        at.print(&format!("at the {percent:.2} % told as detectable, {name}"));
        beyond.print(&format!("at 1.3 times that, {name}"));
        assert!((0.65..=0.95).contains(&at.share()), "{name}: {at:?}");
        assert!(beyond.share() >= 0.9, "{name}: {beyond:?}");
    }
}
