//! A retrieval case, and seeded rows and queries, for tests.

use super::generator::{Generator, Side};
use super::vectors::Vectors;
use std::sync::Arc;
use tokgate_core::case::{
    Case, CaseId, Dataset, DriverKind, Gate, Requires, Retrieval, RunSettings, Target, VectorKind,
    VectorSet, Workload,
};
use tokgate_core::metric::Kind;
use tokgate_core::validity::Limits;

/// Rows, and queries from the same distribution.
pub(crate) struct Data {
    pub(crate) rows: Arc<Vectors>,
    pub(crate) queries: Vectors,
}

/// So many rows and queries of a seeded mixture.
pub(crate) fn data(rows: usize, queries: usize, dimensions: u32) -> Data {
    let generator = Generator::new(&VectorSet::new(VectorKind::Mixture, 0, dimensions), 42);
    Data {
        rows: Arc::new(generator.rows(Side::Corpus, rows)),
        queries: generator.rows(Side::Queries, queries),
    }
}

/// Ten neighbours of 100 queries over a seeded mixture, by the default engine.
pub(crate) fn case(entries: u32, dimensions: u32) -> Case {
    Case {
        id: CaseId::new("retrieval", "search", &[]),
        kind: Kind::Retrieval,
        target: target(),
        dataset: Dataset::Vectors(VectorSet::new(VectorKind::Mixture, entries, dimensions)),
        workload: Workload::closed(1, 1, 100, 10),
        retrieval: Some(search()),
        embedding: None,
        rag: None,
        run: settings(),
        requires: Requires::default(),
        goals: Vec::new(),
        pressure: None,
        slos: Vec::new(),
        gate: Gate::default(),
        validity: Limits::default(),
        quality: tokgate_core::quality::Settings::default(),
        alerts: tokgate_core::alert::Settings::default(),
        benchmark_type: "retrieval".to_owned(),
        notes: String::new(),
    }
}

/// Ten neighbours, checked on 50 queries.
pub(crate) fn search() -> Retrieval {
    Retrieval {
        top_k: 10,
        rescore: 30,
        nprobe: None,
        truth_queries: 50,
        hnsw: None,
        filter_share: None,
        inserts: None,
    }
}

fn target() -> Target {
    Target::of(DriverKind::FlatQ4)
}

fn settings() -> RunSettings {
    RunSettings {
        epochs: 1,
        timeout_s: 10.0,
        seed: 42,
        salt: false,
        telemetry_interval_s: 0.1,
        energy_interval_s: 1.0,
        server_metrics: false,
        dcgm_url: None,
        spike_of: "query".to_owned(),
        html_report: true,
    }
}
