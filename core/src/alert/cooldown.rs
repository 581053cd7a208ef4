//! Nobody wants to be told the same again and again.

use super::rule::Rule;
use crate::case::CaseId;
use crate::goal::Level;
use std::collections::BTreeMap;

/// What an alert is about, so that it is known when it comes again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// The case.
    pub case: CaseId,
    /// What was looked at.
    pub rule: Rule,
    /// The number or the part of the machine: `ttft.p50`, `gpu 0`.
    pub of: String,
}

/// What was raised last, and when.
#[derive(Debug, Clone, Copy)]
struct Raised {
    level: Level,
    at_s: f64,
}

/// Remembers what was raised. It has no clock: whoever asks says what time it is, on any clock that
/// does not go back, so that it serves a stream of samples as well as a stored run.
#[derive(Debug, Clone)]
pub struct Cooldown {
    seconds: f64,
    last: BTreeMap<About, Raised>,
}

impl Cooldown {
    /// Nothing was raised yet.
    #[must_use]
    pub fn new(seconds: f64) -> Self {
        Self { seconds, last: BTreeMap::new() }
    }

    /// Whether an alert is raised at `at_s`, and remembers it if so: the first time, once the
    /// cooldown has passed, and whenever it is worse than what was raised last.
    pub fn raises(&mut self, about: &About, level: Level, at_s: f64) -> bool {
        let is_due = |last: &Raised| level > last.level || at_s - last.at_s >= self.seconds;
        let raises = self.last.get(about).is_none_or(is_due);
        if raises {
            self.last.insert(about.clone(), Raised { level, at_s });
        }
        raises
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(rule: Rule, of: &str) -> About {
        About { case: CaseId("quick/one".to_owned()), rule, of: of.to_owned() }
    }

    #[test]
    fn the_same_is_not_raised_again_before_its_time() {
        let (mut cooldown, memory) = (Cooldown::new(300.0), about(Rule::Memory, "host"));
        let raised = [0.0, 1.0, 299.9, 300.0, 599.0, 600.0]
            .map(|at_s| cooldown.raises(&memory, Level::Yellow, at_s));
        assert_eq!(raised, [true, false, false, true, false, true]);
    }

    #[test]
    fn what_became_worse_does_not_wait_and_what_flutters_does() {
        let (mut cooldown, memory) = (Cooldown::new(300.0), about(Rule::Memory, "host"));
        let levels = [Level::Yellow, Level::Red, Level::Yellow, Level::Red, Level::Red];
        let raised = levels.map(|level| cooldown.raises(&memory, level, 5.0));
        assert_eq!(raised, [true, true, false, false, false]);
    }

    #[test]
    fn another_case_rule_or_device_has_its_own_time() {
        let mut cooldown = Cooldown::new(300.0);
        let elsewhere =
            About { case: CaseId("quick/two".to_owned()), ..about(Rule::Memory, "host") };
        let all = [
            about(Rule::Memory, "host"),
            about(Rule::Power, "gpu 0"),
            about(Rule::Power, "gpu 1"),
            elsewhere,
        ];
        assert!(all.iter().all(|about| cooldown.raises(about, Level::Red, 1.0)));
        assert!(!all.iter().any(|about| cooldown.raises(about, Level::Red, 2.0)));
    }
}
