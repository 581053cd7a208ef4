//! The target of a cell: what its tables say, with the values that hold where they say nothing.

use super::file::Tables;
use super::resolve::{GIB, Refuse};
use super::target_table;
use crate::case::{Deadlines, DriverKind, Launch, RunsOn, Simulation, Target};
use crate::diagnostic::{Diagnostic, nearest};
use crate::hardware::Catalogue;
use crate::price::Prices;

/// Large models take minutes to load; a server that needs longer than this hangs.
const LAUNCH_TIMEOUT_S: f64 = 600.0;
/// Servers drain what is in flight when they are asked to end.
const STOP_TIMEOUT_S: f64 = 10.0;

pub(super) fn target(driver: DriverKind, tables: Tables, prices: &Prices) -> Target {
    let written = tables.target;
    let known = |declared| prices.catalogue.completed(declared);
    let target = Target {
        base_url: written.base_url,
        preset: written.preset,
        custom: written.custom,
        model: written.model,
        api_key_env: written.api_key_env,
        endpoint: written.endpoint,
        stream: written.stream.unwrap_or(true),
        body: written.body,
        threads: written.threads.unwrap_or(1),
        simulation: (driver == DriverKind::Simulated).then(|| simulation(&written.simulation)),
        proxy: written.proxy,
        launch: written.launch.map(launch),
        runs_on: written.runs_on.map(|written| known(runs_on(written))),
        deadlines: deadlines(&written.deadlines),
        ..Target::of(driver)
    };
    Target { price: prices.of(&target), ..target }
}

fn simulation(played: &target_table::Simulation) -> Simulation {
    Simulation {
        ttft_s: played.ttft_ms / 1e3,
        itl_s: played.itl_ms / 1e3,
        jitter: played.jitter,
        ttft_factor: played.ttft_factor,
        itl_factor: played.itl_factor,
        stall_rate: played.stall_rate,
        stall_factor: played.stall_factor,
        error_rate: played.error_rate,
        truncate_rate: played.truncate_rate,
    }
}

fn launch(written: target_table::Launch) -> Launch {
    Launch {
        command: written.command,
        env: written.env,
        ready: written.ready,
        timeout_s: written.timeout_s.unwrap_or(LAUNCH_TIMEOUT_S),
        stop_signal: written.stop_signal,
        stop_timeout_s: written.stop_timeout_s.unwrap_or(STOP_TIMEOUT_S),
        reuse: written.reuse,
        folder: None,
    }
}

fn runs_on(written: target_table::RunsOn) -> RunsOn {
    RunsOn {
        instance: written.instance,
        gpu: written.gpu,
        gpus: written.gpus,
        vram_bytes: written.vram_gb.map(|gib| (gib * GIB) as u64),
        price_per_hour_usd: written.price_per_hour_usd,
        context_window: written.context_window,
    }
}

fn deadlines(written: &target_table::Deadlines) -> Deadlines {
    Deadlines {
        connect_s: written.connect_s,
        head_s: written.head_s,
        first_token_s: written.first_token_s,
        gap_s: written.gap_s,
    }
}

/// A request of a batch lasts as long as its command, and a moment more to say how that ended.
pub(super) fn batch_timeout_s(tables: &Tables) -> f64 {
    const MOMENT_S: f64 = 60.0;
    let allowed = tables.target.launch.as_ref().and_then(|launch| launch.timeout_s);
    allowed.unwrap_or(LAUNCH_TIMEOUT_S) + MOMENT_S
}

/// What a batch needs: a command that is told both files.
pub(super) fn batch_checks(tables: &Tables, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let Some(launch) = &tables.target.launch else {
        let help = "write `launch = { command = [\"vllm\", \"run-batch\", \"-i\", \"{input}\", \"-o\", \
                    \"{output}\", \"--model\", \"{model}\"] }` in [target]";
        let message = "driver `batch` has no command".to_owned();
        return Some(refuse(&[("target", "driver")], message).help(help));
    };
    let names = |word: &str| launch.command.iter().any(|part| part.contains(word));
    let lacks = ["{input}", "{output}"].into_iter().find(|word| !names(word))?;
    let message = format!("the command of a batch does not name its `{lacks}`");
    let help = "`{input}` and `{output}` become the paths of the request and answer files";
    Some(refuse(&[("target", "launch")], message).help(help))
}

/// A driver that a program brings is called something.
pub(super) fn custom_check(
    driver: DriverKind,
    tables: &Tables,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let lacks = driver == DriverKind::Custom && tables.target.custom.is_none();
    lacks.then(|| {
        let message = "driver `custom` has no name".to_owned();
        let help =
            "write `custom = \"mine\"` in [target], the name by which your bench target brings it";
        refuse(&[("target", "driver")], message).help(help)
    })
}

/// An instance that the catalogue does not have.
pub(super) fn instance_check(
    tables: &Tables,
    known: &Catalogue,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let name = tables.target.runs_on.as_ref()?.instance.as_deref()?;
    if known.instance(name).is_some() {
        return None;
    }
    let fault = refuse(&[("target", "runs_on")], format!("no instance is called `{name}`"));
    Some(fault.help(match nearest(name, known.instance_names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`tokgate hardware` lists them; your own go into `hardware.toml`".to_owned(),
    }))
}
