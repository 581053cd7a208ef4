//! From a cell to a case: values into the nouns of the line, with the checks that need more than
//! one value to be seen.

use super::cells::Cell;
use super::dataset;
use super::file::{self, IndexKind, SpikeOf, Tables};
use super::fit::Choice;
use super::judging::{self, Planned, Told};
use super::layers::Layer;
use super::load::{self, workload};
use super::rag::{self, searched_by};
use super::roots::{self, Roots};
use super::target::{batch_checks, batch_timeout_s, custom_check, instance_check, target};
use crate::alert::Settings;
use crate::case::{
    Case, CaseId, DriverKind, Embedding, Hnsw, Inserts, Requires, Retrieval, RunSettings,
};
use crate::day::Day;
use crate::diagnostic::Diagnostic;
use crate::metric::Kind;
use crate::pressure::Pressure;
use crate::price::Prices;
use crate::share::Share;

pub(super) const GIB: f64 = 1_073_741_824.0;

/// What a cell is resolved against.
pub(super) struct Context<'a> {
    pub(super) scenario: &'a str,
    pub(super) case: &'a str,
    pub(super) file: &'a str,
    pub(super) layers: &'a [Layer<'a>],
    pub(super) roots: &'a Roots,
    pub(super) free_memory_bytes: Option<u64>,
    pub(super) prices: &'a Prices,
    pub(super) today: Option<Day>,
    /// The axes that have more than one value.
    pub(super) varying: Vec<String>,
}

/// The case of a cell; `None` where it was refused.
pub(super) fn resolve(cell: &Cell<'_>, context: &Context<'_>, told: &mut Told<'_>) -> Option<Case> {
    let tables: Tables = match serde_json::from_value(cell.values.clone()) {
        Ok(tables) => tables,
        Err(error) => {
            told.faults.push(Diagnostic::at(context.file, 0..0, error.to_string()));
            return None;
        }
    };
    cross_checks(cell, &tables, context).into_iter().for_each(|fault| told.faults.push(fault));
    let planned = Planned {
        cell,
        kind: cell.choice.kind,
        top_k: tables.retrieval.top_k,
        requests: tables.workload.expected(),
        is_open: workload(cell.choice.driver, &tables).is_open(),
        output_tokens: tables.dataset.output_tokens.into(),
        epochs: tables.run.epochs.into(),
        today: context.today,
    };
    let goals = judging::goals(context.layers, planned, told);
    let slos = judging::slos(context.layers, planned, told);
    let gate = judging::gate(context.layers, &goals, planned, told);
    let axes: Vec<(String, String)> =
        cell.axes.iter().filter(|(axis, _)| context.varying.contains(axis)).cloned().collect();
    Some(Case {
        id: CaseId::new(context.scenario, context.case, &axes),
        kind: cell.choice.kind,
        pressure: pressure(&tables),
        validity: tables.validity,
        quality: tables.quality,
        alerts: tables.alerts.clone(),
        run: settings(&tables, cell.choice),
        requires: requires(&tables),
        retrieval: retrieval(cell, &tables),
        embedding: embedding(cell.choice.kind, &tables),
        rag: (cell.choice.kind == Kind::Rag).then(|| rag::rag(&tables.rag)),
        workload: workload(cell.choice.driver, &tables),
        benchmark_type: tables
            .benchmark_type
            .clone()
            .unwrap_or_else(|| benchmark_type(&context.varying)),
        notes: tables.notes.clone(),
        dataset: dataset::dataset(cell, &tables, context.free_memory_bytes),
        target: target(cell.choice.driver, tables, context.prices),
        goals,
        slos,
        gate,
    })
}

/// Checks over several values of a cell.
fn cross_checks(cell: &Cell<'_>, tables: &Tables, context: &Context<'_>) -> Vec<Diagnostic> {
    let refuse = |keys: &[(&str, &str)], message: String| {
        let mut places = keys.iter().filter_map(|(table, key)| cell.place(table, key));
        match (places.next(), places.next()) {
            (Some(first), Some(second)) if first.file == second.file => {
                first.fault(message).note(second.span(), "and this")
            }
            (Some(first), _) => first.fault(message),
            (None, _) => {
                Diagnostic::at(context.file, 0..0, format!("case `{}`: {message}", context.case))
            }
        }
    };
    let mut faults = alert_checks(&tables.alerts, &refuse);
    faults.extend(instance_check(tables, &context.prices.catalogue, &refuse));
    faults.extend(custom_check(cell.choice.driver, tables, &refuse));
    faults.extend(load::checks(cell, &tables.workload, &refuse));
    match cell.choice.kind {
        Kind::Generation => {
            faults.extend(dataset::checks(cell, &tables.dataset, context.roots, &refuse));
            faults.extend(generation_checks(cell, tables, context, &refuse));
        }
        Kind::Retrieval => {
            let (data, roots) = (&tables.dataset, context.roots);
            faults.extend(dataset::vector_checks(cell, data, roots, &refuse));
            faults.extend(retrieval_checks(cell, tables, context.roots, &refuse));
        }
        Kind::Embedding => {
            faults.extend(dataset::checks(cell, &tables.dataset, context.roots, &refuse));
            faults.extend(spikes_of(tables, &[SpikeOf::Embed, SpikeOf::E2e], &refuse));
        }
        Kind::Rag => {
            const OF_ANSWERS: [SpikeOf; 3] = [SpikeOf::Itl, SpikeOf::E2e, SpikeOf::Ttft];
            faults.extend(dataset::checks(cell, &tables.dataset, context.roots, &refuse));
            faults.extend(rag::checks(cell, &tables.rag, context.roots, &refuse));
            faults.extend(search_checks(cell, tables, &refuse));
            faults.extend(spikes_of(tables, &OF_ANSWERS, &refuse));
        }
    }
    faults
}

/// Lines of alerts that would be red before they are yellow.
fn alert_checks(alerts: &Settings, refuse: &Refuse<'_>) -> Vec<Diagnostic> {
    let reversed = alerts.reversed().into_iter().map(|(yellow, red)| {
        let message =
            format!("`{red}` is lower than `{yellow}`: it would be red before it is yellow");
        refuse(&[("alerts", red), ("alerts", yellow)], message)
    });
    reversed.collect()
}

/// Makes a diagnostic at the places of keys, as far as they are written.
pub(super) type Refuse<'a> = dyn Fn(&[(&str, &str)], String) -> Diagnostic + 'a;

/// Spikes of samples that a case does not have.
fn spikes_of(tables: &Tables, has: &[SpikeOf], refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let of = tables.run.spike_of.filter(|of| !has.contains(of))?;
    let message = format!("`{}` latencies are not measured in this kind of case", of.as_str());
    let names: Vec<String> = has.iter().map(|of| format!("`{}`", of.as_str())).collect();
    Some(refuse(&[("run", "spike_of")], message).help(format!("write {}", names.join(" or "))))
}

fn generation_checks(
    cell: &Cell<'_>,
    tables: &Tables,
    context: &Context<'_>,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    if let Some(of @ (SpikeOf::Query | SpikeOf::Embed)) = tables.run.spike_of {
        let message = format!("`{}` latencies are not measured in a generation case", of.as_str());
        return Some(refuse(&[("run", "spike_of")], message).help("write `itl`, `e2e` or `ttft`"));
    }
    if cell.choice.driver == DriverKind::Batch
        && let Some(fault) = batch_checks(tables, refuse)
    {
        return Some(fault);
    }
    let local = matches!(cell.choice.driver, DriverKind::Embedded | DriverKind::Auto);
    let model = tables.target.model.as_deref().filter(|_| local)?;
    let own = cell.is_override("target", "model");
    let message = context.roots.refuses(model).filter(|_| !own)?;
    Some(refuse(&[("target", "model")], message).help(roots::HELP))
}

/// A database behind HTTP has a preset, and a preset that is a file lies in the project.
fn preset_checks(
    cell: &Cell<'_>,
    tables: &Tables,
    roots: &Roots,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let Some(preset) = &tables.target.preset else {
        let message = "driver `vector-http` has no preset".to_owned();
        let help = "write `preset = \"qdrant\"` in [target], or the path of a file of your own";
        let lacks = cell.choice.driver == DriverKind::VectorHttp;
        return lacks.then(|| refuse(&[("target", "driver")], message).help(help));
    };
    let own = cell.is_override("target", "preset");
    let message = roots.refuses(preset).filter(|_| !own)?;
    Some(refuse(&[("target", "preset")], message).help(roots::HELP))
}

fn retrieval_checks(
    cell: &Cell<'_>,
    tables: &Tables,
    roots: &Roots,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    if let Some(fault) = preset_checks(cell, tables, roots, refuse) {
        return Some(fault);
    }
    if let Some(fault) = graph_checks(cell, &tables.retrieval, refuse) {
        return Some(fault);
    }
    if let Some(fault) = row_checks(&tables.retrieval, refuse) {
        return Some(fault);
    }
    if matches!(tables.run.spike_of, Some(of) if of != SpikeOf::Query && of != SpikeOf::E2e) {
        let message = "a retrieval case has no tokens to take spikes from".to_owned();
        return Some(refuse(&[("run", "spike_of")], message).help("write `query`"));
    }
    search_checks(cell, tables, refuse)
}

/// What the numbers of a search say together, whoever searches.
fn search_checks(cell: &Cell<'_>, tables: &Tables, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let search = &tables.retrieval;
    if searched_by(cell.choice, tables).rescores() && search.rescore < search.top_k {
        let message = format!(
            "rescoring {} candidates cannot give {} neighbours",
            search.rescore, search.top_k
        );
        return Some(refuse(&[("retrieval", "rescore"), ("retrieval", "top_k")], message));
    }
    // Whoever sends fewer queries by an option does not mean more truth than there are queries.
    let meant = cell.place("retrieval", "truth_queries").is_some()
        && !cell.is_override("workload", "requests");
    let sent = tables.workload.expected().unwrap_or(u64::MAX);
    (meant && u64::from(search.truth_queries) > sent).then(|| {
        let message = format!(
            "recall is checked on {} queries, but only {sent} are sent",
            search.truth_queries
        );
        refuse(&[("retrieval", "truth_queries"), ("workload", "requests")], message)
    })
}

/// What the keys of a graph say together.
fn graph_checks(
    cell: &Cell<'_>,
    search: &file::Retrieval,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    const KNOBS: [&str; 3] = ["m", "ef_construction", "ef_search"];
    if search.index == IndexKind::Exact {
        let knob = KNOBS.into_iter().find(|key| cell.place("retrieval", key).is_some())?;
        let message = format!("`{knob}` is told to a graph, and an exact search has none");
        return Some(refuse(&[("retrieval", knob), ("retrieval", "index")], message));
    }
    let driver = cell.choice.driver;
    let has_graph = driver.is_database() || driver == DriverKind::Hnsw;
    let narrow = has_graph && search.ef_search < search.top_k;
    narrow.then(|| {
        let (kept, asked) = (search.ef_search, search.top_k);
        let message = format!("searching with {kept} candidates cannot give {asked} neighbours");
        refuse(&[("retrieval", "ef_search"), ("retrieval", "top_k")], message)
    })
}

/// The share of the rows that is held back where nothing is said.
const USUAL_INSERTS: f64 = 0.1;
/// Exact neighbours are known to a depth of 100: among fewer rows there may not be so many.
const DEEP: u32 = 100;

/// What a filter and inserts say together, with one another and with the search.
fn row_checks(search: &file::Retrieval, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    // A share that no rows have would be another one without a word.
    for (key, share) in
        [("filter_share", search.filter_share), ("insert_share", search.insert_share)]
    {
        if let Some(share) = share.filter(|share| Share::of(*share).is_none()) {
            let message = format!("`{key}` is {share}, expected steps of 0.0001");
            return Some(refuse(&[("retrieval", key)], message));
        }
    }
    if search.insert_rate.is_none() {
        search.insert_share?;
        let message = "`insert_share` holds back rows that are never inserted".to_owned();
        let fault = refuse(&[("retrieval", "insert_share")], message);
        return Some(fault.help("say how many a second are: `insert_rate = 1000`"));
    }
    if search.filter_share.is_some() {
        let message = "inserts and a filter are not measured together".to_owned();
        return Some(refuse(
            &[("retrieval", "insert_rate"), ("retrieval", "filter_share")],
            message,
        ));
    }
    (search.top_k >= DEEP).then(|| {
        let message = format!(
            "{} neighbours cannot be checked while rows come: exact ones are known to that depth \
             among all rows",
            search.top_k
        );
        refuse(&[("retrieval", "top_k"), ("retrieval", "insert_rate")], message)
    })
}

/// Rows that are inserted while queries run.
fn inserts(written: &file::Retrieval) -> Option<Inserts> {
    let share = Share::of(written.insert_share.unwrap_or(USUAL_INSERTS))?;
    written.insert_rate.map(|rate| Inserts { rate, share })
}

/// What is asked of an embedding model. A question is embedded alone.
fn embedding(kind: Kind, tables: &Tables) -> Option<Embedding> {
    let inputs_per_request = match kind {
        Kind::Embedding => tables.dataset.inputs_per_request,
        Kind::Rag => 1,
        Kind::Generation | Kind::Retrieval => return None,
    };
    Some(Embedding { inputs_per_request, encoding: tables.target.encoding_format })
}

/// How the index is searched, where there is one. An exact search rescores nothing; recall is
/// checked on no more queries than are sent.
fn retrieval(cell: &Cell<'_>, tables: &Tables) -> Option<Retrieval> {
    if !matches!(cell.choice.kind, Kind::Retrieval | Kind::Rag) {
        return None;
    }
    let written = &tables.retrieval;
    let driver = searched_by(cell.choice, tables);
    let rescores = driver.rescores() || driver == DriverKind::Simulated;
    let sent = tables.workload.expected().unwrap_or(u64::MAX);
    Some(Retrieval {
        top_k: written.top_k,
        rescore: if rescores { written.rescore } else { 0 },
        nprobe: (driver == DriverKind::IvfSq8).then_some(written.nprobe),
        truth_queries: u64::from(written.truth_queries).min(sent) as u32,
        hnsw: hnsw(driver, written),
        filter_share: written.filter_share.and_then(Share::of),
        inserts: inserts(written),
    })
}

/// The graph of a vector database, or of the engine that is one; `None` where there is no graph.
fn hnsw(driver: DriverKind, written: &file::Retrieval) -> Option<Hnsw> {
    let file::Retrieval { index, m, ef_construction, ef_search, .. } = *written;
    let builds = match driver.is_database() {
        true => index == IndexKind::Hnsw,
        false => driver == DriverKind::Hnsw,
    };
    builds.then_some(Hnsw { m, ef_construction, ef_search })
}

/// What weighs on the host; `None` where nothing does.
fn pressure(tables: &Tables) -> Option<Pressure> {
    let written = &tables.pressure;
    let pressure = Pressure {
        memory_bytes: written.memory_gb.map(|gib| (gib * GIB) as u64),
        memory_share: written.memory_share,
        cpu_workers: written.cpu_workers,
    };
    (!pressure.is_none()).then_some(pressure)
}

pub(super) fn requires(tables: &Tables) -> Requires {
    let bytes = |gib: Option<f64>| gib.map(|gib| (gib * GIB) as u64);
    Requires {
        gpu: tables.requires.gpu.clone(),
        min_vram_bytes: bytes(tables.requires.min_vram_gb),
        free_memory_bytes: bytes(tables.requires.free_memory_gb),
        within_window: tables.requires.within_window,
    }
}

fn settings(tables: &Tables, choice: Choice) -> RunSettings {
    let usual = match choice.kind {
        Kind::Generation | Kind::Rag => SpikeOf::Itl,
        Kind::Retrieval => SpikeOf::Query,
        Kind::Embedding => SpikeOf::Embed,
    };
    RunSettings {
        epochs: tables.run.epochs,
        timeout_s: match choice.driver {
            DriverKind::Batch => batch_timeout_s(tables),
            _ => tables.run.timeout_s,
        },
        seed: tables.run.seed,
        salt: tables.run.salt,
        telemetry_interval_s: f64::from(tables.telemetry.interval_ms) / 1e3,
        energy_interval_s: f64::from(tables.telemetry.energy_interval_ms) / 1e3,
        server_metrics: tables.telemetry.server_metrics,
        dcgm_url: tables.telemetry.dcgm_url.clone(),
        spike_of: tables.run.spike_of.unwrap_or(usual).as_str().to_owned(),
        html_report: tables.run.html_report,
    }
}

/// The kind of benchmark, from the first axis that varies.
fn benchmark_type(varying: &[String]) -> String {
    let Some(axis) = varying.first() else { return "single".to_owned() };
    match axis.as_str() {
        "model" => "model_comparison",
        "concurrency" => "worker_optimization",
        "prompt_tokens" | "prompt_class" | "text_length" => "prompt_length",
        "temperature" => "temperature",
        "batch" => "batch_size",
        "entries" | "passages" => "index_scaling",
        other => other,
    }
    .to_owned()
}
