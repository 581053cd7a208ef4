//! Whether all workers of an epoch measured one target: what each saw of it is held against what the others did.

use super::attempt::Part;
use super::epoch::Taken;
use crate::identity::Fact;
use crate::run::TargetIdentity;
use crate::validity::Reason;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Settings that may be others for each worker although the target is one: what the worker's own processor does,
/// which the machine's key tells; which clock its own system stamps arrivals with; by which HTTP and IP its
/// network goes; and how much room each replica of one deployment found when it started.
const OF_EACH: [&str; 8] = [
    "instructions",
    "kernel",
    "threads",
    "threads_asked",
    "receive_stamps",
    "http",
    "kv_cache_size_tokens",
    "num_gpu_blocks",
];
/// Most differences that are told of a worker; the others are counted.
const TOLD: usize = 8;
/// Most characters of a value that are told: others have written it.
const LONGEST: usize = 100;

/// What is known of the target, and by which worker.
type Known<'a> = BTreeMap<Fact<'a>, (u32, String)>;

/// The workers that measured another target than those before them. What only one of two says is no difference: a
/// worker that had no reply yet knows less of the target, not something else.
pub(super) fn other_targets(taken: &[Taken<'_>]) -> Vec<Reason> {
    let mut known = Known::new();
    let mut reasons = Vec::new();
    for it in taken {
        let mut what = differences(&mut known, it);
        // The plan is the same, so that it is what was found only then: the contents of a file.
        if taken.first().is_some_and(|first| first.part.head.case != it.part.head.case) {
            what.push("its case, once its data was read, is not the first's".to_owned());
        }
        let worker = it.worker.worker;
        reasons.extend(told(what).map(|what| Reason::OtherTarget { worker, what }));
    }
    reasons
}

/// What a worker saw otherwise than those before it; what nobody has said before is known then.
fn differences<'a>(known: &mut Known<'a>, it: &Taken<'a>) -> Vec<String> {
    let worker = it.worker.worker;
    let facts = target(it.part).facts().into_iter();
    let facts =
        facts.filter(|(fact, _)| !matches!(fact, Fact::Setting(key) if OF_EACH.contains(key)));
    facts
        .filter_map(|(fact, value)| match known.entry(fact) {
            Entry::Vacant(place) => {
                place.insert((worker, value));
                None
            }
            Entry::Occupied(mut place) => {
                let (whose, said) = place.get();
                if *said == value || (fact == Fact::Engine && is_of(said, &value)) {
                    return None;
                }
                if fact == Fact::Engine && is_of(&value, said) {
                    place.insert((worker, value));
                    return None;
                }
                Some(format!(
                    "{fact} `{}`, and for worker {whose} `{}`",
                    short(&value),
                    short(said)
                ))
            }
        })
        .collect()
}

/// The target as a worker saw it last.
fn target(part: &Part) -> &TargetIdentity {
    part.after.as_ref().map_or(&part.head.target, |after| &after.last)
}

/// Whether an engine is one whose version is told (`llama.cpp b5000`), and `name` is it without.
fn is_of(engine: &str, name: &str) -> bool {
    engine.strip_prefix(name).is_some_and(|version| version.starts_with(' '))
}

fn short(value: &str) -> String {
    match value.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &value[..cut]),
        None => value.to_owned(),
    }
}

fn told(mut what: Vec<String>) -> Option<String> {
    let more = what.len().saturating_sub(TOLD);
    what.truncate(TOLD);
    if more > 0 {
        what.push(format!("{more} more"));
    }
    (!what.is_empty()).then(|| what.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::fixture::attempts;
    use crate::merge::{Attempt, Roster};
    use crate::run::TargetAfter;
    use serde_json::json;

    fn reasons(attempts: &[Attempt]) -> Vec<Reason> {
        Roster::of(attempts).unwrap().epochs().remove(0).reasons
    }

    fn other(worker: u32, what: &str) -> Reason {
        Reason::OtherTarget { worker, what: what.to_owned() }
    }

    fn part(attempt: &mut Attempt) -> &mut Part {
        &mut attempt.parts.as_mut().unwrap()[0]
    }

    /// Workers whose replies named a setting so; one that had no replies has none.
    fn named(key: &str, values: &[Option<&str>]) -> Vec<Attempt> {
        let mut all = attempts(values.len() as u32);
        for (attempt, value) in all.iter_mut().zip(values) {
            let part = part(attempt);
            let mut identity = part.head.target.clone();
            identity.config.extend(value.map(|value| (key.to_owned(), json!(value))));
            part.after = Some(TargetAfter::unchanged(identity));
        }
        all
    }

    #[test]
    fn another_model_is_another_target() {
        let mut all = attempts(2);
        part(&mut all[1]).head.target.model = "other".to_owned();
        assert_eq!(reasons(&all), [other(1, "model `other`, and for worker 0 `m`")]);
    }

    #[test]
    fn another_model_or_build_in_the_replies_is_another_target_by_name() {
        for key in ["replied_model", "system_fingerprint"] {
            let all = named(key, &[Some("a"), Some("b"), Some("a")]);
            let what = format!("{key} `\"b\"`, and for worker 0 `\"a\"`");
            assert_eq!(reasons(&all), [other(1, &what)]);
        }
    }

    #[test]
    fn a_worker_without_replies_is_no_other_target_and_hides_none() {
        let key = "system_fingerprint";
        assert_eq!(reasons(&named(key, &[None, Some("a"), Some("a"), None])), []);
        let expected = other(2, "system_fingerprint `\"b\"`, and for worker 1 `\"a\"`");
        assert_eq!(reasons(&named(key, &[None, Some("a"), Some("b")])), [expected]);
    }

    #[test]
    fn what_is_of_the_worker_itself_is_no_other_target() {
        for key in OF_EACH {
            assert_eq!(reasons(&named(key, &[Some("a"), Some("b")])), []);
        }
    }

    #[test]
    fn an_engine_without_its_version_is_any_of_that_name() {
        let of = |engines: [&str; 3]| {
            let mut all = attempts(3);
            for (attempt, engine) in all.iter_mut().zip(engines) {
                part(attempt).head.target.engine = engine.to_owned();
            }
            reasons(&all)
        };
        assert_eq!(of(["llama.cpp", "llama.cpp b1", "llama.cpp"]), []);
        let expected = other(2, "engine `llama.cpp b2`, and for worker 1 `llama.cpp b1`");
        assert_eq!(of(["llama.cpp", "llama.cpp b1", "llama.cpp b2"]), [expected]);
        assert_eq!(of(["vllm", "vllm-omni", "vllm"]).len(), 1);
    }

    #[test]
    fn what_others_wrote_is_told_in_few_words() {
        let mut all = attempts(2);
        for (at, attempt) in all.iter_mut().enumerate() {
            let config = (0..20).map(|key| (format!("k{key}"), json!("x".repeat(500 + at))));
            part(attempt).head.target.config.extend(config);
        }
        let told = reasons(&all)[0].to_string();
        assert!(told.ends_with("; 12 more") && told.len() < 3000, "{told}");
    }

    #[test]
    fn other_data_is_another_target() {
        let mut all = attempts(2);
        part(&mut all[1]).head.case.notes = "other".to_owned();
        let reasons = reasons(&all);
        assert!(matches!(&reasons[..], [Reason::OtherTarget { worker: 1, .. }]), "{reasons:?}");
        assert!(reasons[0].to_string().contains("once its data was read"));
    }
}
