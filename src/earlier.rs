//! What an interrupted run has measured already, and whether what is measured now may be put beside it.

use crate::store::{self, Found, ReadError, Stored};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokgate_core::case::{Case, CaseId};
use tokgate_core::run::TargetIdentity;

/// Most differences that are told of a case.
const MOST: usize = 5;

/// The epochs of a run's earlier stretches of time; none, where it has just begun.
#[derive(Debug, Default)]
pub struct Earlier {
    /// The raw lines of those that are whole, by case and number.
    whole: BTreeMap<(CaseId, u32), PathBuf>,
    /// What keeps the prompts of this stretch apart from those of the earlier ones, of which the
    /// target may have the beginning in its cache.
    stretch: Option<String>,
}

impl Earlier {
    /// What was found of a run, which a stretch of this name goes on with.
    #[must_use]
    pub fn of(found: Vec<Found>, stretch: String) -> Self {
        let whole = found.into_iter().filter(|epoch| epoch.whole);
        let whole = whole.map(|epoch| ((epoch.case, epoch.number), epoch.path)).collect();
        Self { whole, stretch: Some(stretch) }
    }

    /// How many of a case's epochs need not be measured.
    #[must_use]
    pub fn count(&self, case: &Case) -> usize {
        (0..case.run.epochs).filter(|number| self.path(&case.id, *number).is_some()).count()
    }

    /// Whether nothing of a case is left to measure.
    #[must_use]
    pub fn is_whole(&self, case: &Case) -> bool {
        self.count(case) == case.run.epochs as usize
    }

    /// An epoch as it was measured; `None` where it is to be measured.
    pub(crate) fn epoch(&self, case: &CaseId, number: u32) -> Result<Option<Stored>, ReadError> {
        self.path(case, number).map(store::read).transpose()
    }

    /// The first epoch of a case that there is.
    pub(crate) fn first(&self, case: &Case) -> Result<Option<Stored>, ReadError> {
        let path = (0..case.run.epochs).find_map(|number| self.path(&case.id, number));
        path.map(store::read).transpose()
    }

    /// What keeps the prompts of an epoch apart from those of any other.
    pub(crate) fn salt(&self, run_id: &str, number: u32) -> String {
        match &self.stretch {
            Some(stretch) => format!("{run_id}/{stretch}/{number}"),
            None => format!("{run_id}/{number}"),
        }
    }

    fn path(&self, case: &CaseId, number: u32) -> Option<&Path> {
        self.whole.get(&(case.clone(), number)).map(PathBuf::as_path)
    }
}

/// What is another in a case than it was, in words; nothing where it is the same.
#[must_use]
pub fn changes(then: &Case, now: &Case) -> Vec<String> {
    let json = |case| serde_json::to_value(case).unwrap_or_default();
    let mut told = Vec::new();
    differences("", &json(then), &json(now), &mut told);
    let more = told.len().saturating_sub(MOST);
    told.truncate(MOST);
    told.extend((more > 0).then(|| format!("and {more} values more")));
    told
}

fn differences(at: &str, then: &Value, now: &Value, told: &mut Vec<String>) {
    match (then, now) {
        (Value::Object(before), Value::Object(after)) => {
            let others = after.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(others) {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                let value = |of: &serde_json::Map<String, Value>| of.get(key).cloned();
                let (then, now) = (value(before), value(after));
                differences(&at, &then.unwrap_or_default(), &now.unwrap_or_default(), told);
            }
        }
        (then, now) if then == now => {}
        (Value::Null, now) => told.push(format!("`{at}` is {now}, and was not there")),
        (then, Value::Null) => told.push(format!("`{at}` is no longer there, and was {then}")),
        (then, now) => told.push(format!("`{at}` is {now}, and was {then}")),
    }
}

/// What is another in a target than it was, in words.
pub(crate) fn other_target(then: &TargetIdentity, now: &TargetIdentity) -> Vec<String> {
    let quantization = |of: &TargetIdentity| of.quantization.clone().unwrap_or_default();
    let pairs = [
        ("model", then.model.clone(), now.model.clone()),
        ("engine", then.engine.clone(), now.engine.clone()),
        ("quantisation", quantization(then), quantization(now)),
    ];
    let changed = pairs.into_iter().filter(|(_, then, now)| then != now);
    changed.map(|(name, then, now)| format!("{name} `{then}` became `{now}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_differs_is_told_by_its_key_with_both_values() {
        let then = json!({"run": {"epochs": 2, "seed": 7}, "old": 1});
        let now = json!({"run": {"epochs": 3, "seed": 7}, "new": [1]});
        let mut told = Vec::new();
        differences("", &then, &now, &mut told);
        let expected = [
            "`new` is [1], and was not there",
            "`old` is no longer there, and was 1",
            "`run.epochs` is 3, and was 2",
        ];
        told.sort();
        assert_eq!(told, expected);
        let mut none = Vec::new();
        differences("", &then, &then, &mut none);
        assert!(none.is_empty());
    }

    #[test]
    fn a_stretch_has_prompts_of_its_own() {
        let first = Earlier::default().salt("run", 0);
        let second = Earlier::of(Vec::new(), "later".to_owned()).salt("run", 0);
        assert_eq!(first, "run/0");
        assert_ne!(first, second);
    }
}
