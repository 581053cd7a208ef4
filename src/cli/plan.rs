//! From names and options to the cases that can be measured here, and those that cannot and why.

use crate::cli::options::Options;
use crate::datasets::{self, Home};
use crate::project::{Project, Source};
use crate::servers::{self, Server};
use anyhow::{Result, anyhow};
use std::collections::BTreeSet;
use tokgate_core::case::{Case, CaseId, DriverKind, Requires};
use tokgate_core::day::Day;
use tokgate_core::environment::{Environment, MachineId};
use tokgate_core::scenario::{Facts, Hardware, Scenario, Surroundings, decode, plan};
use tokgate_core::unit::Unit;
use tokgate_harness::drivers::custom::Drivers;
use tokgate_harness::retrieval::engines::built_in;

/// A scenario and its cases on this machine.
pub(super) struct Planned {
    /// Its name.
    pub(super) name: String,
    /// What it is for, in a line.
    pub(super) summary: String,
    /// Whether it runs without a filter.
    pub(super) default: bool,
    /// Its cases that are wanted, in the order of the file; all of them, as the file says, where
    /// none is.
    pub(super) cases: Vec<Case>,
    /// The names of all its cases, wanted or not.
    pub(super) all: Vec<CaseId>,
    /// Where the files lie that it names.
    pub(super) home: Home,
}

impl Planned {
    /// Finds the files that its cases name.
    ///
    /// # Errors
    /// When one cannot be used.
    pub(super) fn locate(&mut self) -> Result<()> {
        datasets::locate(self.cases.iter_mut().map(|case| (&self.home, case)))
    }
}

/// Refuses cases whose engines were left out of this build, or are in another program, before any case
/// is measured.
///
/// # Errors
/// When there is one; the message says how to have its engine.
pub(super) fn check_built_in<'a>(cases: impl Iterator<Item = &'a Case>) -> Result<()> {
    check_brought(cases, &Drivers::default())
}

/// The same in a program that brings drivers of its own.
///
/// # Errors
/// When a case has an engine that was left out, or a driver that is not among them.
pub(super) fn check_brought<'a>(
    mut cases: impl Iterator<Item = &'a Case>,
    drivers: &Drivers,
) -> Result<()> {
    cases.try_for_each(|case| {
        let here = built_in(case.target.driver).and_then(|()| drivers.check(case));
        here.map_err(|error| anyhow!("{}: {error}", case.id))
    })
}

/// Whether a case of a scenario is wanted.
pub(super) type Wanted<'a> = &'a dyn Fn(&Scenario, &Case) -> bool;

/// Reads, checks and plans one scenario. The options apply to the cases that are wanted: where
/// they do not fit another one, that is no mistake.
///
/// # Errors
/// With every diagnostic of the file, or of what the options make of it.
pub(super) fn read(
    source: &Source,
    options: &Options,
    environment: &Environment,
    wanted: Wanted<'_>,
) -> Result<Planned> {
    let text = decode(&source.file, &source.bytes)?;
    let roots = &options.settled.roots;
    let about = Surroundings { beside: &|file| source.beside(file), roots };
    let scenario = Scenario::parse(&source.name, &source.file, &text, &about)?;
    let hardware = match &options.hardware {
        Some(named) => Hardware::Named(named.clone()),
        None => Hardware::Detected(environment.hardware_preset()),
    };
    let roots = options.settled.roots.clone();
    let free_memory_bytes = Some(environment.memory_available_bytes).filter(|bytes| *bytes > 0);
    let prices = options.settled.prices.clone();
    let now = || Day::of_us(jiff::Timestamp::now().as_microsecond());
    let today = Some(options.settled.today.unwrap_or_else(now));
    let mut facts = Facts { hardware, roots, free_memory_bytes, prices, today, ..Facts::default() };
    let mut cases = plan(&scenario, &facts)?;
    let mut all: Vec<CaseId> = cases.iter().map(|case| case.id.clone()).collect();
    let in_category = |case: &Case| {
        let wanted = options.category.as_deref().filter(|category| *category != "all");
        wanted.is_none_or(|category| case.id.case().contains(category))
    };
    cases.retain(in_category);
    let only: BTreeSet<String> = cases
        .iter()
        .filter(|case| wanted(&scenario, case))
        .map(|case| case.id.case().to_owned())
        .collect();
    if !only.is_empty() {
        (facts.overrides, facts.only) = (options.overrides()?, Some(only));
        cases = plan(&scenario, &facts)?;
        all.extend(cases.iter().map(|case| case.id.clone()));
    }
    Ok(Planned {
        name: source.name.clone(),
        summary: scenario.summary().to_owned(),
        default: scenario.is_default(),
        cases,
        all,
        home: Home::new(source.project(), &facts.roots, &facts.overrides),
    })
}

/// Reads every scenario of a project; the errors of all files at once.
///
/// # Errors
/// With every diagnostic of every file.
pub(super) fn read_all(
    project: &Project,
    options: &Options,
    environment: &Environment,
    wanted: Wanted<'_>,
) -> Result<Vec<Planned>> {
    let mut planned = Vec::new();
    let mut faults = Vec::new();
    for source in project.scenarios()? {
        match read(&source, options, environment, wanted) {
            Ok(scenario) => planned.push(scenario),
            Err(fault) => faults.push(fault),
        }
    }
    match faults.len() {
        0 => Ok(planned),
        1 => Err(faults.remove(0)),
        _ => {
            let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Err(anyhow::Error::msg(all.join("\n")))
        }
    }
}

/// The machine that the cases declare for their target; `None` where they are measured here.
#[must_use]
pub(super) fn declared_machine<'a>(mut cases: impl Iterator<Item = &'a Case>) -> Option<MachineId> {
    cases.find_map(|case| case.target.runs_on.as_ref()?.machine())
}

/// Why a case cannot run on this machine; `None` when it can.
#[must_use]
pub(super) fn unmet(requires: &Requires, environment: &Environment) -> Option<String> {
    let has = match environment.gpus.first() {
        Some(gpu) => format!("this machine has {}", gpu.name),
        None => "this machine has no GPU that NVML shows".to_owned(),
    };
    if let Some(wanted) = &requires.gpu {
        let fits = |name: &str| name.to_lowercase().contains(&wanted.to_lowercase());
        if !environment.gpus.iter().any(|gpu| fits(&gpu.name)) {
            return Some(format!("needs a GPU named {wanted}; {has}"));
        }
    }
    if let Some(wanted) = requires.min_vram_bytes
        && !environment.gpus.iter().any(|gpu| gpu.vram_bytes >= wanted)
    {
        return Some(format!("needs a GPU with {}; {has}", Unit::Bytes.show(wanted as f64)));
    }
    let wanted = requires.free_memory_bytes?;
    let free = environment.memory_available_bytes;
    (free < wanted).then(|| {
        let show = |bytes: u64| Unit::Bytes.show(bytes as f64);
        format!("needs {} of free memory; {} is free", show(wanted), show(free))
    })
}

/// What `driver = "auto"` means here: the first usual server that is listening, else the embedded
/// model. `found` is told once, aloud, and only when a case asks.
pub(super) fn decide_auto<'a>(cases: impl Iterator<Item = &'a mut Case>, found: impl Fn(&str)) {
    let undecided: Vec<_> = cases.filter(|case| case.target.driver == DriverKind::Auto).collect();
    if undecided.is_empty() {
        return;
    }
    let server = servers::listening().into_iter().next();
    match &server {
        Some(server) => found(&format!(
            "driver auto: {} usually listens at {}, measuring that (choose with --target)",
            server.name, server.base_url
        )),
        None => {
            found("driver auto: no server on the usual local ports, measuring the embedded model");
        }
    }
    for case in undecided {
        decide(case, server.as_ref());
    }
}

fn decide(case: &mut Case, server: Option<&Server>) {
    match server {
        Some(server) => {
            case.target.driver = server.driver;
            case.target.base_url = Some(server.base_url.clone());
        }
        None => case.target.driver = DriverKind::Embedded,
    }
}
