//! `tokgate run --resume [RUN]`: go on with a run that was interrupted. What is missing of it is
//! measured, as it was asked then; what is there is taken as it is.

use crate::cli::face::Face;
use crate::cli::invocation::{Invocation, Start, Voice, identify};
use crate::cli::options::Options;
use crate::cli::plan::{self, Planned};
use crate::cli::run::{self, Told};
use crate::cli::stretch::{Further, Stretch};
use crate::earlier;
use crate::project::Project;
use crate::store::{Asked, Begun, FileStore, Found, Layout, Measuring, Setting, begun};
use anyhow::{Context, Result, anyhow, bail};
use tokgate_core::case::{Case, DriverKind};
use tokgate_core::day::Day;
use tokgate_core::environment::Environment;
use tokgate_core::run::Arm;
use tokgate_core::scenario::Override;
use tokgate_core::verdict::Exit;

/// Where to call it when what the run was asked cannot be found.
const SAME_PLACE: &str = "cannot ask again what the run was asked (call it where the run was started, \
                          and with the files that it had)";

/// Goes on with the run of this name, or with the newest that is not complete.
///
/// # Errors
/// When there is no such run, it was asked something else, somebody measures it, or results cannot be
/// kept.
pub(super) fn run(named: Option<&str>, told: Told, options: &Options, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let given = options.clone().settle(&project)?;
    let layout = Layout::new(project.stored(given.results_dir.as_deref())?);
    let Some(begun) = find(&layout, named)? else {
        face.say(&format!("no run in {} is left to go on with", layout.root().display()));
        return Ok(Exit::Held);
    };
    let Some(measuring) = begin(&layout, &begun.run_id)? else {
        face.say(&format!("run {} is complete: nothing is left to measure", begun.run_id));
        return Ok(Exit::Held);
    };
    let mut store = FileStore::open_to_write(layout.clone())?;
    refuse_others(&begun.asked, &asked("", &given)?)?;
    let environment = tokgate_harness::machine::detect();
    let options = options_of(&begun, &given);
    let planned = planned(&begun, &options, &environment, &project)?;
    let machine = plan::declared_machine(planned.cases.iter());
    let identity = identify(&project, &options, environment.clone(), machine.clone());
    if let Some(why) = incomparable(&begun, &identity.machine.0, &identity.environment) {
        face.tell(&format!("error: run {} cannot be gone on with here: {why}", begun.run_id));
        return Ok(Exit::Invalid);
    }
    let (found, notes) = store.gather(&begun.run_id)?;
    notes.iter().for_each(|note| face.tell(note));
    face.tell(&going_on(&begun, &found));
    let further = Further { begun, found, measuring };
    let start = Start {
        project: &project,
        options: &options,
        machine,
        environment,
        planned: planned.all,
        voice: Voice::Run(told.format),
        stretch: Stretch::Further(Box::new(further)),
    };
    let mut invocation = Invocation::start(start, *face)?;
    invocation.contest = told.contest(&planned.cases, &options);
    run::measure(&planned.cases, invocation)
}

/// The run for us alone; `None` where it is complete, or became so until we had it.
fn begin(layout: &Layout, run: &str) -> Result<Option<Measuring>> {
    if begun::is_ended(layout, run) {
        return Ok(None);
    }
    let measuring = Measuring::start(layout, run)?;
    Ok((!begun::is_ended(layout, run)).then_some(measuring))
}

/// What the options ask, as it is kept.
///
/// # Errors
/// When a `--set` is not `path=value`.
pub(super) fn asked(scenario: &str, options: &Options) -> Result<Asked> {
    let setting = |one: Override| Setting { path: one.path, value: one.value, by: one.source };
    Ok(Asked {
        scenario: scenario.to_owned(),
        set: options.overrides()?.into_iter().map(setting).collect(),
        category: options.category.clone(),
        hardware: options.hardware.clone(),
        hourly_cost: options.hourly_cost,
        machine: options.machine.clone(),
        platform: options.platform.clone(),
        baseline: options.baseline.clone(),
        baseline_lenient: options.baseline_lenient.clone(),
        save_baseline: options.save_baseline.clone(),
        strict: options.strict,
    })
}

/// The options that the run was begun with; where results and indexes are kept is today's.
fn options_of(begun: &Begun, given: &Options) -> Options {
    let asked = begun.asked.clone();
    let value = |one: Setting| Override { path: one.path, value: one.value, source: one.by };
    let mut options = Options {
        strongest: asked.set.into_iter().map(value).collect(),
        category: asked.category,
        hardware: asked.hardware,
        hourly_cost: asked.hourly_cost,
        machine: asked.machine,
        platform: asked.platform,
        baseline: asked.baseline,
        baseline_lenient: asked.baseline_lenient,
        save_baseline: asked.save_baseline,
        strict: asked.strict,
        results_dir: given.results_dir.clone(),
        no_cache: given.no_cache,
        cache_dir: given.cache_dir.clone(),
        cache_max_gb: given.cache_max_gb,
        booking: given.booking.clone(),
        settled: given.settled.clone(),
        ..Options::default()
    };
    options.settled.prices.hourly_usd = options.hourly_cost;
    options.settled.today = Some(Day::of_us(begun.started_us));
    options.settled.forget_target();
    options
}

/// The run of this name, or the newest that is not complete; `None` where all are.
fn find(layout: &Layout, named: Option<&str>) -> Result<Option<Begun>> {
    let Some(run) = named else {
        let newest = begun::unended(layout)?.pop();
        let begun = newest.map(|run| Begun::read(layout, &run)).transpose()?;
        return Ok(begun.flatten());
    };
    match Begun::read(layout, run)? {
        Some(begun) => Ok(Some(begun)),
        None => Err(why_not(layout, run)?),
    }
}

/// Why a run that nobody wrote down is not gone on with.
fn why_not(layout: &Layout, run: &str) -> Result<anyhow::Error> {
    let is_there = layout.root().is_dir() && layout.database().exists();
    let found = match is_there {
        true => FileStore::open(layout.clone())?.gather(run)?.0,
        false => Vec::new(),
    };
    let is_base = |epoch: &Found| epoch.arm == Arm::Base;
    Ok(match found.is_empty() {
        true => anyhow!("no run is called `{run}`: `tokgate list` names them"),
        false if found.iter().any(is_base) => anyhow!(
            "run {run} measured pairs (`tokgate ab`, `tokgate gate`), whose two sides are measured back \
             to back: what was interrupted between them is not put together later; start it anew"
        ),
        false => anyhow!(
            "run {run} did not keep what it was asked: the bench target, `tokgate gate` and older versions \
             of `tokgate run` do not; start it anew"
        ),
    })
}

/// Refuses what is asked now and was not then: it would be ignored.
fn refuse_others(then: &Asked, now: &Asked) -> Result<()> {
    let other = |what: &str| {
        anyhow!(
            "`{what}` is not what the run was asked, and it goes on as it was: leave it out, or start a \
             run of its own"
        )
    };
    let is_new =
        |one: &&Setting| !then.set.iter().any(|it| it.path == one.path && it.value == one.value);
    if let Some(setting) = now.set.iter().find(is_new) {
        return Err(other(&setting.by));
    }
    let json = |asked: &Asked| serde_json::to_value(Asked { set: Vec::new(), ..asked.clone() });
    let (then, now) = (json(then)?, json(now)?);
    let keys = now.as_object().into_iter().flatten().filter(|(key, _)| *key != "scenario");
    match keys.into_iter().find(|(key, value)| then.get(key.as_str()) != Some(value)) {
        Some((key, _)) => Err(other(&format!("--{}", key.replace('_', "-")))),
        None => Ok(()),
    }
}

/// The cases of the run, planned again: they must be those that were begun.
fn planned(
    begun: &Begun,
    options: &Options,
    environment: &Environment,
    project: &Project,
) -> Result<Planned> {
    let then =
        Environment { memory_available_bytes: begun.memory_available_bytes, ..environment.clone() };
    let mut planned =
        run::cases(&begun.asked.scenario, options, &then, project).context(SAME_PLACE)?;
    for case in &mut planned.cases {
        decide(case, &begun.cases);
    }
    refuse_edited(&begun.cases, &planned.cases)?;
    Ok(planned)
}

/// A case that takes whatever server there is, takes the one that it took then.
fn decide(case: &mut Case, then: &[Case]) {
    let was = then.iter().find(|was| was.id == case.id);
    if let (DriverKind::Auto, Some(was)) = (case.target.driver, was) {
        case.target.driver = was.target.driver;
        case.target.base_url.clone_from(&was.target.base_url);
    }
}

fn refuse_edited(then: &[Case], now: &[Case]) -> Result<()> {
    let mut told = Vec::new();
    for was in then {
        match now.iter().find(|case| case.id == was.id) {
            Some(case) => {
                let changes = earlier::changes(was, case);
                told.extend(changes.iter().map(|change| format!("{}: {change}", was.id.listed())));
            }
            None => told.push(format!("{} is no longer there", was.id.listed())),
        }
    }
    let is_new = |case: &&Case| !then.iter().any(|was| was.id == case.id);
    let new = now.iter().filter(is_new);
    told.extend(new.map(|case| format!("{} was not there", case.id.listed())));
    match told.is_empty() {
        true => Ok(()),
        false => bail!(
            "the scenario is another one than the run was begun with; put it back, or start a run of its \
             own:\n  {}",
            told.join("\n  ")
        ),
    }
}

/// Why what is measured here is not to be put beside what was measured then.
fn incomparable(begun: &Begun, machine: &str, environment: &Environment) -> Option<String> {
    let or_none = |commit: &Option<String>| commit.clone().unwrap_or_else(|| "none".to_owned());
    let (was, is) = (or_none(&begun.commit), or_none(&environment.commit));
    let version = &environment.tool_version;
    let pairs = [
        ("machine", begun.machine.0.as_str(), machine),
        ("commit", was.as_str(), is.as_str()),
        ("version of tokgate", begun.tool_version.as_str(), version.as_str()),
    ];
    let changed = pairs.into_iter().find(|(_, then, now)| then != now)?;
    let (what, then, now) = changed;
    Some(format!(
        "its {what} was {then}, and is {now} here; what was measured would not be one run"
    ))
}

/// How much there is, in a line.
fn going_on(begun: &Begun, found: &[Found]) -> String {
    let planned: u32 = begun.cases.iter().map(|case| case.run.epochs).sum();
    let whole = found.iter().filter(|epoch| epoch.whole).count();
    let cut = found.len() - whole;
    let cut = if cut > 0 { format!(", {cut} cut off") } else { String::new() };
    format!("going on with run {}: {whole} of {planned} epochs are there{cut}", begun.run_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_for(path: &str, value: &str) -> Asked {
        let one =
            Setting { path: path.to_owned(), value: value.to_owned(), by: "--requests".to_owned() };
        Asked { set: vec![one], ..Asked::default() }
    }

    #[test]
    fn what_was_asked_may_be_asked_again_and_nothing_else() {
        let then = Asked { strict: true, ..asked_for("requests", "30") };
        assert!(refuse_others(&then, &Asked::default()).is_ok());
        assert!(refuse_others(&then, &asked_for("requests", "30")).is_ok());
        let told = refuse_others(&then, &asked_for("requests", "31")).unwrap_err().to_string();
        assert!(told.contains("`--requests`"), "{told}");
        let other = Asked { save_baseline: Some("x".to_owned()), ..Asked::default() };
        let told = refuse_others(&then, &other).unwrap_err().to_string();
        assert!(told.contains("`--save-baseline`"), "{told}");
    }
}
