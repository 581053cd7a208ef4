//! The models of a run beside each other, at its end: `tokgate run … --compare`.
//!
//! Models are compared under the same load alone, so that each has a table. What does not live here, on
//! purpose: the formulas, which are those of `tokgate compare` (`core/src/choice`).

use crate::choice::{Compared, Filter, Measured, Prices, compare};
use crate::cli::face::Face;
use crate::report::{answers, json};
use crate::store::{FileStore, Layout};
use anyhow::Result;
use serde_json::{Value, json};
use tokgate_core::case::{Case, CaseId};
use tokgate_core::metric::Kind;
use tokgate_core::report::Report;

/// What of a run is compared.
#[derive(Debug, Clone)]
pub(super) struct Contest {
    loads: Vec<Load>,
    /// For how many requests; those of the cases, the fewest first.
    counts: Vec<u64>,
    prices: Prices,
}

/// A load, and who is put under it.
#[derive(Debug, Clone, PartialEq)]
struct Load {
    /// What its cases have in common: their name without model and requests.
    name: CaseId,
    entrants: Vec<Entrant>,
}

/// A case, and the model that it names.
#[derive(Debug, Clone, PartialEq)]
struct Entrant {
    case: CaseId,
    model: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standings {
    counts: Vec<u64>,
    loads: Vec<Standing>,
}

/// The models under one load.
#[derive(Debug, Clone, PartialEq)]
struct Standing {
    load: CaseId,
    /// The fastest first.
    models: Vec<Compared>,
    /// Those that nothing is known of.
    left_out: Vec<String>,
}

impl Contest {
    /// What these cases compare; retrieval has no models.
    pub(super) fn of(cases: &[Case], prices: &Prices) -> Self {
        let mut loads: Vec<Load> = Vec::new();
        let own = || cases.iter().filter(|case| case.kind != Kind::Retrieval);
        for case in own() {
            let name = load_of(case);
            let entrant = Entrant { case: case.id.clone(), model: case.target.model.clone() };
            match loads.iter_mut().find(|load| load.name == name) {
                Some(load) => load.entrants.push(entrant),
                None => loads.push(Load { name, entrants: vec![entrant] }),
            }
        }
        let mut counts: Vec<u64> = own().filter_map(Case::planned_requests).collect();
        counts.sort_unstable();
        counts.dedup();
        Self { loads, counts, prices: prices.clone() }
    }

    /// Compares what a run measured.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn standings(&self, layout: &Layout, run: &str) -> Result<Standings> {
        let filter = Filter { run: Some(run.to_owned()), ..Filter::default() };
        let rows = FileStore::open(layout.clone())?.measured(&filter, &self.prices)?;
        let loads = self.loads.iter().map(|load| load.standing(&rows, &self.counts)).collect();
        Ok(Standings { counts: self.counts.clone(), loads })
    }
}

/// What a case has in common with those of other models and other numbers of requests.
fn load_of(case: &Case) -> CaseId {
    let model = case.target.model.iter().map(|model| ("model", model.clone()));
    let requests = case.planned_requests().map(|requests| ("requests", requests.to_string()));
    model.chain(requests).fold(case.id.clone(), |id, (axis, value)| id.without(axis, &value))
}

impl Load {
    fn standing(&self, rows: &[Measured], counts: &[u64]) -> Standing {
        let is_of = |row: &Measured, entrant: &Entrant| row.case_id == entrant.case.0;
        let is_own = |row: &&Measured| self.entrants.iter().any(|one| is_of(row, one));
        let rows: Vec<Measured> = rows.iter().filter(is_own).cloned().collect();
        let is_there = |model: &str| {
            let mut own = self.entrants.iter().filter(|one| one.model.as_deref() == Some(model));
            own.any(|one| rows.iter().any(|row| is_of(row, one) && row.req_s > 0.0))
        };
        let mut left_out: Vec<String> = Vec::new();
        for model in self.entrants.iter().filter_map(|one| one.model.as_ref()) {
            if !left_out.contains(model) && !is_there(model) {
                left_out.push(model.clone());
            }
        }
        Standing { load: self.name.clone(), models: compare(&rows, counts), left_out }
    }
}

impl Standings {
    /// Tells people: a table for each load.
    pub(super) fn tell(&self, face: &Face) {
        self.loads.iter().for_each(|one| face.say(&one.text(&self.counts)));
    }

    fn json(&self) -> Value {
        let loads = self
            .loads
            .iter()
            .map(|one| json!({ "load": one.load, "models": one.models, "left_out": one.left_out }));
        json!({ "num_requests": self.counts, "loads": loads.collect::<Vec<_>>() })
    }
}

impl Standing {
    fn text(&self, counts: &[u64]) -> String {
        let mut sheet = answers::models(&self.models, counts);
        if !self.left_out.is_empty() {
            sheet.note(format!("nothing VALID was measured of {}", self.left_out.join(", ")));
        }
        if let Some(uneven) = uneven(&self.models) {
            sheet.note(uneven);
        }
        if sheet.is_empty() {
            sheet.note("nothing here tells how fast a model is");
        }
        format!("models at {}\n{}\n", self.load.listed(), sheet.table())
    }
}

/// Of how many requests each rate is, where that is not the same for all: a case that is INVALID leaves the one
/// before it to speak for its model.
fn uneven(models: &[Compared]) -> Option<String> {
    let of = |one: &Compared| one.for_counts.first().map(|it| it.estimate.based_on.requests);
    let first = of(models.first()?)?;
    let is_even = models.iter().all(|one| of(one) == Some(first));
    let each = models.iter().filter_map(|one| Some(format!("{} of {}", one.model, of(one)?)));
    let each: Vec<String> = each.collect();
    (!is_even).then(|| format!("not measured by as many requests: {}", each.join(", ")))
}

/// The report as JSON, with what was compared where that was asked for.
pub(super) fn report(report: &Report, standings: Option<&Standings>) -> Value {
    let mut told = json::report(report);
    if let Some(standings) = standings {
        told["comparison"] = standings.json();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::{Basis, Estimate, ForCount, Provenance, Span};
    use tokgate_core::scenario::{Facts, Override, Scenario, Surroundings, plan};

    const TEXT: &str = r#"
schema = 1
[target]
driver = "openai"
[workload]
warmup = 0
[[case]]
name = "chat"
kind = "generation"
[[case]]
name = "search"
kind = "retrieval"
target = { driver = "flat" }
dataset = { entries = 1000, dimensions = 8 }
"#;

    /// What a scenario compares, with these options.
    fn contest(options: &[(&str, &str)]) -> Contest {
        let scenario =
            Scenario::parse("s", "s.toml", TEXT, &Surroundings::closed(&|_| None)).unwrap();
        let option = |(path, value): &(&str, &str)| Override {
            path: (*path).to_owned(),
            value: (*value).to_owned(),
            source: "--set".to_owned(),
        };
        let overrides = options.iter().map(option).collect();
        let facts = Facts { overrides, ..Facts::default() };
        Contest::of(&plan(&scenario, &facts).unwrap(), &Prices::default())
    }

    #[test]
    fn models_and_requests_share_a_load_and_each_number_of_workers_is_one() {
        let models = ("model", "[\"org/a:4b\", \"b,c\"]");
        let found = contest(&[models, ("requests", "500,100"), ("concurrency", "2,4")]);
        let names: Vec<&str> = found.loads.iter().map(|load| load.name.0.as_str()).collect();
        assert_eq!(names, ["s/chat/concurrency=2", "s/chat/concurrency=4"]);
        assert!(found.loads.iter().all(|load| load.entrants.len() == 4));
        assert_eq!(
            found.counts,
            [100, 500],
            "the queries of the search are no requests to a model"
        );
    }

    #[test]
    fn one_model_is_a_load_by_itself() {
        let found = contest(&[("model", "\"a\""), ("requests", "7")]);
        let entrant = Entrant { case: CaseId("s/chat".to_owned()), model: Some("a".to_owned()) };
        let load = Load { name: CaseId("s/chat".to_owned()), entrants: vec![entrant] };
        assert_eq!((found.loads, found.counts), (vec![load], vec![7]));
    }

    /// A model whose rate is of so many requests.
    fn of(model: &str, requests: u64) -> Compared {
        let based_on = Basis {
            test_id: "t".to_owned(),
            run_id: "r".to_owned(),
            size_params: None,
            context_window: None,
            platform: "ollama".to_owned(),
            machine: "x1".to_owned(),
            requests,
            workers: 4,
            success_percent: 100.0,
            provenance: Provenance::Measured,
            started_us: 0,
        };
        let estimate = Estimate {
            model: model.to_owned(),
            requests: 10,
            time: Span(5.0),
            interval: None,
            cost: None,
            req_s: 2.0,
            time_per_request_s: 0.5,
            based_on,
        };
        Compared {
            model: model.to_owned(),
            size_params: None,
            context_window: None,
            req_s: 2.0,
            speedup: 1.0,
            for_counts: vec![ForCount { estimate, saved: Span(0.0) }],
        }
    }

    #[test]
    fn rates_of_another_number_of_requests_are_told() {
        let text = |models: Vec<Compared>, left_out: &[&str]| {
            let left_out = left_out.iter().map(|name| (*name).to_owned()).collect();
            Standing { load: CaseId("s/chat".to_owned()), models, left_out }.text(&[10])
        };
        let told = text(vec![of("a", 100), of("b", 500)], &[]);
        assert!(told.contains("not measured by as many requests: a of 100, b of 500"), "{told}");
        let told = text(vec![of("a", 100), of("b", 100)], &["c"]);
        assert!(!told.contains("as many") && told.contains("nothing VALID was measured of c"));
        assert!(text(Vec::new(), &["c"]).contains("nothing here tells how fast a model is"));
    }
}
