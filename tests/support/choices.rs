//! A store from which questions can be answered: results of another tool, and a few epochs of ours.

use crate::store::fixture::{head, keep, metric, open, run};
use crate::store::imported::result;
use std::path::Path;
use tokgate::store::{CaseEnd, FileStore, Store, Stored, summary};
use tokgate_core::dataset::tasks::Category;
use tokgate_core::imported::{Figure, Imported, ImportedHardware, ImportedModel};
use tokgate_core::run::Requests;

/// A model as another tool measured it: 100 requests of 4 workers.
#[derive(Clone, Copy)]
struct Given {
    model: &'static str,
    size: &'static str,
    window: u64,
    instance: &'static str,
    usd: f64,
    req_s: f64,
    tok_s: f64,
    task: Category,
}

const GEMMA: Given = Given {
    model: "gemma3:4b",
    size: "4b",
    window: 131_072,
    instance: "g2-gpu-rtx4000a2-s",
    usd: 1.04,
    req_s: 0.52,
    tok_s: 38.1,
    task: Category::Coding,
};

const ALL: [Given; 5] = [
    GEMMA,
    Given {
        model: "gemma3:1b",
        size: "1b",
        window: 32_768,
        instance: "g2-gpu-rtx4000a1-s",
        usd: 0.52,
        req_s: 0.92,
        ..GEMMA
    },
    Given { model: "gemma3:12b", size: "12b", req_s: 0.23, tok_s: 20.0, ..GEMMA },
    Given {
        model: "70B-AWQ",
        size: "70b",
        instance: "g1-gpu-rtx6000-2",
        usd: 3.0,
        req_s: 0.1,
        tok_s: 45.3,
        ..GEMMA
    },
    Given { model: "32B-AWQ", size: "32b", req_s: 0.15, task: Category::Reasoning, ..GEMMA },
];

const DIGEST: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

/// Fills the store of a folder: five models of another tool, and of ours a case of two epochs in each of
/// three runs.
pub(crate) fn fill(results: &Path) {
    let mut store = open(results);
    for (number, given) in ALL.iter().enumerate() {
        store.keep_imported(&imported(given, number)).unwrap();
    }
    for number in 0..3 {
        measured(&mut store, number);
    }
}

/// A case of two epochs, of no commit, so that each run is an entry of its own in a history.
fn measured(store: &mut FileStore, number: u32) {
    let kept: Vec<Stored> = (0..2)
        .map(|epoch| {
            let mut head = head(number, "one", epoch);
            head.environment.commit = None;
            keep(store, &run(head))
        })
        .collect();
    let validity: Vec<_> = kept.iter().map(|stored| stored.validity.clone()).collect();
    let epochs: Vec<_> = kept.into_iter().map(|stored| stored.run).collect();
    let summary = summary(&epochs).unwrap();
    let case = CaseEnd { epochs: &epochs, validity: &validity, summary: &summary, verdicts: &[] };
    store.commit_case(case).unwrap();
}

fn imported(given: &Given, number: usize) -> Imported {
    // Of digits that begin otherwise each time: names are made of the first of them.
    let base = result(&format!("{:032x}", DIGEST * (number as u128 + 1)));
    Imported {
        platform: "ollama".to_owned(),
        model: ImportedModel {
            name: given.model.to_owned(),
            size_params: Some(given.size.to_owned()),
            context_window: Some(given.window),
            ..ImportedModel::default()
        },
        hardware: ImportedHardware {
            instance: Some(given.instance.to_owned()),
            gpus: Some(2),
            vram_bytes: Some(20 << 30),
            hourly_usd: Some(given.usd),
            ..ImportedHardware::default()
        },
        task_category: Some(given.task),
        workers: Some(4),
        requests: Requests { attempted: 100, succeeded: 100, failed: 0, incomplete: 0 },
        window_s: Some(100.0 / given.req_s),
        figures: vec![Figure {
            metric: metric("tok_s"),
            value: given.tok_s,
            n: 100,
            interval: None,
        }],
        ..base
    }
}
