//! The two sides in words: what each has that the other has not.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokgate_core::run::Head;
use tokgate_core::target::Target;

/// Most of a value that a line holds.
const LONGEST: usize = 60;

/// Base and head, each by what differs; by their target's name where nothing does.
#[must_use]
pub(super) fn describe(base: &Head, head: &Head) -> (String, String) {
    let (ours, theirs) = (facts(base), facts(head));
    let told = |of: &BTreeMap<String, String>, other: &BTreeMap<String, String>, head: &Head| {
        let differing = of.iter().filter(|(name, value)| other.get(*name) != Some(value));
        let told: Vec<String> = differing.map(|(name, value)| format!("{name} {value}")).collect();
        match told.is_empty() {
            true => format!("{} on {}", head.target.model, head.target.platform),
            false => told.join(", "),
        }
    };
    (told(&ours, &theirs, base), told(&theirs, &ours, head))
}

/// Whether nothing that we know of tells the sides apart. What stands in no commit is the same in both
/// where one run measured both.
#[must_use]
pub(super) fn are_equal(base: &Head, head: &Head) -> bool {
    facts(base) == facts(head)
}

/// What a side is, by name.
fn facts(head: &Head) -> BTreeMap<String, String> {
    let (target, identity) = (json!(as_written(&head.case.target)), json!(head.target));
    let mut facts = BTreeMap::new();
    for name in ["driver", "base_url", "launch", "body", "stream", "threads", "simulation"] {
        flatten(name, &target[name], &mut facts);
    }
    for name in ["platform", "model", "engine"] {
        flatten(name, &identity[name], &mut facts);
    }
    let commit = head.environment.commit.as_deref();
    facts.extend(commit.map(|commit| {
        let short: String = commit.chars().take(12).collect();
        let dirty = if commit.ends_with("-dirty") { "-dirty" } else { "" };
        ("commit".to_owned(), format!("{short}{dirty}"))
    }));
    facts
}

/// The target before its folder was settled: where a side's files lay says nothing of them.
fn as_written(target: &Target) -> Target {
    let mut target = target.clone();
    let Some(launch) = &mut target.launch else { return target };
    if let Some(folder) = launch.folder.take() {
        let words = launch.command.iter_mut().chain(launch.env.values_mut());
        words.for_each(|word| *word = word.replace(&folder, "{dir}"));
    }
    target
}

fn flatten(name: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let told = match value {
        Value::Null => return,
        Value::Object(object) => {
            return object.iter().for_each(|(key, value)| {
                flatten(&format!("{name}.{key}"), value, into);
            });
        }
        Value::Array(words) => {
            let words = words.iter().map(|word| match word {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            words.collect::<Vec<String>>().join(" ")
        }
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    into.insert(name.to_owned(), cut(&told));
}

/// Its end is what tells two commands apart that begin alike.
fn cut(text: &str) -> String {
    let long = text.chars().count().saturating_sub(LONGEST);
    match long {
        0 => text.to_owned(),
        _ => std::iter::once('…').chain(text.chars().skip(long)).collect(),
    }
}
