//! The bench target's face: `cargo bench --bench scenarios -- FILTER`.
//!
//! libtest-mimic speaks libtest's language to cargo and nextest; what a case is, when it is
//! skipped and which exit code it leads to is ours. Under `cargo test` the target only parses,
//! plans and says so.

use crate::cli::face::{ColorChoice, Face};
use crate::cli::invocation::{Invocation, Start, Voice};
use crate::cli::options::Options;
use crate::cli::plan::{self, Planned};
use crate::cli::selection::Selection;
use crate::cli::stretch::Stretch;
use crate::cli::tree::Tree;
use crate::datasets::{self, Home};
use crate::project::Project;
use anyhow::{Context, Result, bail};
use clap::Parser;
use libtest_mimic::{Arguments, Completion, Failed, FormatSetting, Trial};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokgate_core::case::{Case, CaseId};
use tokgate_core::environment::Environment;
use tokgate_core::scenario::Scenario;
use tokgate_core::verdict::Exit;
use tokgate_harness::driver::{Driver, OpenError};
use tokgate_harness::drivers::custom::Drivers;

/// Flags of libtest that mean nothing here and are taken all the same, as libtest's users expect.
const IGNORED_FLAGS: &[&str] = &[
    "--report-time",
    "--ensure-time",
    "--shuffle",
    "--force-run-in-process",
    "--exclude-should-panic",
    "--no-capture",
];

/// Where nextest says how often it has tried.
const ATTEMPT: &str = "NEXTEST_ATTEMPT";

/// libtest's arguments, further filters, and ours.
#[derive(Debug, Parser)]
#[command(name = "scenarios", disable_version_flag = true, max_term_width = 100)]
struct Args {
    #[command(flatten)]
    libtest: Arguments,
    /// Further filters; a case is run when any of them fits
    #[arg(value_name = "FILTERS", hide = true)]
    filters: Vec<String>,
    /// Fail when nothing matches, also under `cargo test`
    #[arg(long)]
    require_match: bool,
    #[command(flatten)]
    options: Options,
}

/// One case as the target lists it.
struct Entry {
    case: Case,
    /// Why it is not run unless it is asked for; `None` when it is run.
    ignored: Option<String>,
    /// Where the files lie that it names.
    home: Home,
}

/// What the filters left, of what there is.
struct Selected {
    entries: Vec<Entry>,
    /// Every case of every scenario.
    planned: Vec<CaseId>,
}

/// The bench target of a package: its folder, and the drivers that it brings.
///
/// The folder's `scenarios/` are measured (those that come with tokgate, where there are none), results
/// go to its `results/`, and recorded baselines are those of its `baseline/recorded/`.
#[derive(Debug)]
pub struct Main {
    root: PathBuf,
    drivers: Drivers,
}

impl Main {
    /// The bench target of the package at `root`, which is `env!("CARGO_MANIFEST_DIR")`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), drivers: Drivers::default() }
    }

    /// The same with a driver called `name`, which scenarios name by `[target] driver = "custom"` and
    /// `custom = "NAME"`. `open` is asked for it once for each case.
    #[must_use]
    pub fn driver<D: Driver + 'static>(
        self,
        name: &str,
        open: impl Fn(&Case) -> Result<D, OpenError> + Send + Sync + 'static,
    ) -> Self {
        Self { drivers: self.drivers.with(name, open), ..self }
    }

    /// The same with a function called `name`, which scenarios name as they do a driver. Each request
    /// is one call with its prompt; what the function gives is the answer, and its error, or its panic,
    /// is a failed request.
    #[must_use]
    pub fn function<E: Display + 'static>(
        self,
        name: &str,
        function: impl Fn(&str) -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        Self { drivers: self.drivers.with_function(name, function), ..self }
    }

    /// Reads the command line and does what it says; the exit code says how that ended.
    #[must_use]
    pub fn run(self) -> ExitCode {
        // First of all: a process that only holds pressure must not be anything else.
        tokgate_harness::pressure::play_if_asked().unwrap_or_else(|| self.answer())
    }

    fn answer(self) -> ExitCode {
        super::one_compute_thread();
        super::no_core_dumps();
        let mut args = Args::parse_from(arguments(std::env::args_os()));
        args.options.drivers = self.drivers;
        let face = Face::new(color(&args.libtest));
        super::log(0, face.err.color);
        super::ended(run(args, &self.root, &face), &face)
    }
}

/// libtest takes `--bench` and `--test` together; so do we, as a test.
fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let is_ignored = |argument: &OsString| {
        argument
            .to_str()
            .is_some_and(|text| IGNORED_FLAGS.contains(&text) || text.starts_with("--shuffle-seed"))
    };
    let mut given: Vec<OsString> = given.filter(|argument| !is_ignored(argument)).collect();
    if given.iter().any(|argument| argument == "--test") {
        given.retain(|argument| argument != "--bench");
    }
    given
}

fn color(libtest: &Arguments) -> ColorChoice {
    match libtest.color {
        Some(libtest_mimic::ColorSetting::Always) => ColorChoice::Always,
        Some(libtest_mimic::ColorSetting::Never) => ColorChoice::Never,
        Some(libtest_mimic::ColorSetting::Auto) | None => ColorChoice::Auto,
    }
}

fn run(mut args: Args, root: &Path, face: &Face) -> Result<Exit> {
    let project = Project::at(root);
    args.options = args.options.settle(&project)?;
    let environment = tokgate_harness::machine::detect();
    let names = project.scenarios()?.into_iter().map(|source| source.name).collect();
    let selection = Selection::new(&args.libtest, &args.filters, names);
    let scenarios = read(&args, &project, &environment, &selection)?;
    let planned: Vec<CaseId> = scenarios.iter().flat_map(|scenario| scenario.all.clone()).collect();
    let entries = select(scenarios, &selection, &args.libtest, &environment);
    if args.libtest.list {
        list(&entries, &args.libtest, face);
        return Ok(Exit::Held);
    }
    match args.libtest.bench {
        true => bench(args, &project, environment, Selected { planned, entries }, face),
        false => dry_run(&args, entries),
    }
}

/// The scenarios that the filters may leave a case of.
fn read(
    args: &Args,
    project: &Project,
    environment: &Environment,
    selection: &Selection,
) -> Result<Vec<Planned>> {
    let asked = |scenario: &Scenario, case: &Case| selection.asks_for(scenario, case);
    match selection.only_scenario() {
        Some(name) => {
            let source = project.scenario(name)?;
            Ok(vec![plan::read(&source, &args.options, environment, &asked)?])
        }
        None => plan::read_all(project, &args.options, environment, &asked),
    }
}

/// The cases that the filters leave, and which of them are ignored and why.
fn select(
    planned: Vec<Planned>,
    selection: &Selection,
    libtest: &Arguments,
    environment: &Environment,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    for scenario in planned {
        let unasked = selection.is_open() && !scenario.default && !libtest.include_ignored;
        for case in scenario.cases {
            if !selection.wants(&scenario.name, &case.id.listed()) {
                continue;
            }
            let not_default = unasked
                .then(|| format!("not a default scenario: run it by name, `-- {}`", scenario.name));
            let ignored = not_default.or_else(|| plan::unmet(&case.requires, environment));
            entries.push(Entry { case, ignored, home: scenario.home.clone() });
        }
    }
    entries.retain(|entry| !libtest.ignored || entry.ignored.is_some());
    entries
}

/// nextest wants exactly `NAME: benchmark`, and nothing else on stdout.
fn list(entries: &[Entry], libtest: &Arguments, face: &Face) {
    let shown = |entry: &&Entry| !libtest.ignored || entry.ignored.is_some();
    for entry in entries.iter().filter(shown) {
        face.say(&format!("{}: benchmark", entry.case.id.listed()));
    }
}

/// Under `cargo test`: everything was parsed and planned by now, and that is the test.
fn dry_run(args: &Args, entries: Vec<Entry>) -> Result<Exit> {
    if entries.is_empty() && args.require_match {
        return Ok(Exit::Nothing);
    }
    let trials = entries
        .into_iter()
        .map(|entry| {
            Trial::ignorable_test(entry.case.id.listed(), move || match entry.ignored {
                Some(why) => Ok(Completion::ignored_with(why)),
                None => Ok(Completion::Completed),
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&quiet_filters(&args.libtest), trials);
    Ok(if conclusion.has_failed() { Exit::Storage } else { Exit::Held })
}

/// The filters were applied here, by our own rules.
fn quiet_filters(libtest: &Arguments) -> Arguments {
    let mut libtest = libtest.clone();
    (libtest.filter, libtest.ignored, libtest.include_ignored) = (None, false, false);
    libtest.skip.clear();
    // Every trial is an ignorable test: under `--bench` libtest-mimic would skip tests.
    (libtest.bench, libtest.test) = (false, false);
    libtest.test_threads = Some(1);
    libtest
}

/// nextest tries again what failed, where it is told so, until it passes; of a measurement that would
/// say nothing.
fn refuse_another_try(attempt: Option<&str>) -> Result<()> {
    match attempt.map(str::parse::<u32>) {
        Some(Ok(attempt)) if attempt > 1 => bail!(
            "this is attempt {attempt} at a measurement that failed: what passes in the end says \
             nothing; write `retries = 0` for `binary(scenarios)` in .config/nextest.toml"
        ),
        Some(_) | None => Ok(()),
    }
}

fn bench(
    args: Args,
    project: &Project,
    environment: Environment,
    selected: Selected,
    face: &Face,
) -> Result<Exit> {
    refuse_another_try(std::env::var(ATTEMPT).ok().as_deref())?;
    let Selected { mut entries, mut planned } = selected;
    if entries.is_empty() {
        face.tell("nothing matches; `-- --list` shows every case");
        return Ok(Exit::Nothing);
    }
    let measured: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.ignored.is_none())
        .map(|entry| entry.case.id.scenario().to_owned())
        .collect();
    planned.retain(|case| measured.contains(case.scenario()));
    let run = entries.iter().filter(|entry| entry.ignored.is_none());
    plan::check_brought(run.map(|entry| &entry.case), &args.options.drivers)?;
    let run = entries.iter_mut().filter(|entry| entry.ignored.is_none());
    datasets::locate(run.map(|entry| (&entry.home, &mut entry.case)))?;
    let run = entries.iter_mut().filter(|entry| entry.ignored.is_none());
    plan::decide_auto(run.map(|entry| &mut entry.case), |found| face.tell(found));
    let tree = Tree::here(project)?;
    entries.iter_mut().for_each(|entry| tree.settle(&mut entry.case));
    let mut libtest = quiet_filters(&args.libtest);
    let machine = libtest.format == Some(FormatSetting::Json);
    // A progress bar and libtest's open line would fight for the terminal: where there is one,
    // the lines are ours.
    let own_lines = face.has_bars() && libtest.logfile.is_none() && !machine;
    if own_lines {
        libtest.logfile = Some(null_device().to_owned());
    }
    let start = Start {
        project,
        options: &args.options,
        machine: plan::declared_machine(entries.iter().map(|entry| &entry.case)),
        environment,
        planned,
        voice: Voice::Bench { machine, quiet: !own_lines },
        stretch: Stretch::Only,
    };
    let shared = Arc::new(Mutex::new(Some(Invocation::start(start, *face)?)));
    let trials = entries.into_iter().map(|entry| trial(entry, &shared)).collect();
    // Its exit code does not know ours: what failed is in the invocation, too.
    let _ = libtest_mimic::run(&libtest, trials);
    let invocation = lock(&shared).take().context("the invocation was already finished")?;
    invocation.finish()
}

/// One case as a trial: it passes when it was measured and is VALID. Whether it regressed is
/// judged over the whole run, and told at its end.
fn trial(entry: Entry, shared: &Arc<Mutex<Option<Invocation>>>) -> Trial {
    let shared = Arc::clone(shared);
    let name = entry.case.id.listed();
    Trial::ignorable_test(name, move || {
        let mut guard = lock(&shared);
        let invocation = guard.as_mut().ok_or("the invocation was already finished")?;
        let why_not = entry.ignored.clone().or_else(|| invocation.why_not(&entry.case));
        if let Some(why) = why_not {
            invocation.skip(&entry.case, &why);
            return Ok(Completion::ignored_with(why));
        }
        invocation.measure(&entry.case).map_err(Failed::from)?;
        Ok(Completion::Completed)
    })
}

fn lock(shared: &Mutex<Option<Invocation>>) -> MutexGuard<'_, Option<Invocation>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn null_device() -> &'static str {
    if cfg!(windows) { "NUL" } else { "/dev/null" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_of_libtest_is_taken() {
        let given = ["scenarios", "--bench", "--test", "--report-time", "--no-capture", "a", "b"];
        let args = Args::parse_from(arguments(given.into_iter().map(OsString::from)));
        assert!(args.libtest.test && !args.libtest.bench);
        assert_eq!(args.libtest.filter.as_deref(), Some("a"));
        assert_eq!(args.filters, ["b"]);
    }

    #[test]
    fn a_measurement_is_not_tried_again_until_it_passes() {
        assert!(refuse_another_try(None).is_ok());
        assert!(refuse_another_try(Some("1")).is_ok());
        let told = refuse_another_try(Some("2")).unwrap_err().to_string();
        assert!(told.contains("attempt 2") && told.contains("retries = 0"), "{told}");
    }
}
