//! How a run of many workers is put together, judged and told: as one that was measured here.

use crate::baselines;
use crate::cli::face::Face;
use crate::cli::invocation::find_baselines;
use crate::cli::merge::Args;
use crate::cli::options::Options;
use crate::cli::report::kept;
use crate::cli::run::Format;
use crate::cli::{brought, merged_figures as figures, page, team, written};
use crate::live::Feed;
use crate::merge::{Found, MOST_EVENTS, Merging, runs};
use crate::paired::Comparison;
use crate::pipeline;
use crate::project::Project;
use crate::report::{comparison, json, terminal};
use crate::rows::Place;
use crate::session::{Identity, MeasuredCase, Session, now_us};
use crate::store::{self, FileStore, Layout, Measuring, Store, StoreError, Stored, begun, ids};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokgate_core::case::CaseId;
use tokgate_core::diagnostic::line;
use tokgate_core::merge::{Epoch, EpochKey, Roster};
use tokgate_core::report::Report;
use tokgate_core::run::{Arm, Head};
use tokgate_core::verdict::Exit;
use tokgate_harness::measure::Harness;

/// Files that are open beside those of workers: the store's, the place's, standard streams.
const BESIDES: u64 = 64;
/// Files that are open of each epoch of a case whose figures alone are kept: two for each metric that has samples.
const OF_FIGURES: u64 = 80;

pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let place = Place::open(&args.url)?;
    let Some(run) = named(args, &place, face)? else { return Ok(Exit::Usage) };
    if !ids::is_plain(&run) {
        bail!(
            "`{}` is no name of a run: letters, digits, `.`, `_` and `-` only",
            run.escape_debug()
        );
    }
    let found = Found::at(&place, &run)?;
    if found.attempts.is_empty() && found.torn.is_empty() {
        bail!(
            "there is no run `{run}` at {}; those that are there: {}",
            place.url(),
            runs(&place)?.join(", ")
        );
    }
    let Some(roster) = Roster::of(&found.attempts) else {
        found.torn.iter().for_each(|reason| face.tell(&line(&reason.to_string())));
        bail!("no worker of a run `{run}` can be read at {}", place.url());
    };
    if roster.workers.is_empty() {
        found
            .torn
            .iter()
            .chain(&roster.reasons)
            .for_each(|reason| face.tell(&format!("INVALID: {}", line(&reason.to_string()))));
        face.tell(&format!("run {run}: no worker has an end, and there is nothing to keep of it"));
        return Ok(Exit::Invalid);
    }
    let project = Project::find(&std::env::current_dir()?);
    let layout = Layout::new(args.results_dir.clone().map_or_else(|| project.results(), Ok)?);
    let team = team::meant(&project)?;
    let mut store = FileStore::open_to_write(layout.clone())?;
    let epochs = roster.epochs();
    let tell = |stored: &Stored| face.tell(&told(stored));
    let merging = |earlier| Merging {
        place: &place,
        found: &found,
        roster: &roster,
        earlier,
        folder: layout.root(),
        tell: &tell,
    };
    if args.figures || found.most_events(&epochs) > MOST_EVENTS {
        room(roster.workers.len(), most_of_a_case(&epochs) * OF_FIGURES)?;
        let kept = figures::run(args, &merging(&[]), store, face)?;
        brought::bring(team.as_ref(), &layout, &kept.runs, face);
        return Ok(kept.exit);
    }
    let measuring = Measuring::start(&layout, &run)?;
    let Some(earlier) = earlier(&mut store, &found, face)? else {
        return again(args, &run, &store, face);
    };
    room(roster.workers.len(), 0)?;
    let merging = merging(&earlier);
    let judging = Judging::of(args, &merging, &project, &layout)?;
    let cases = merging.keep(&mut store)?;
    let report = conclude(args, judging, cases, store, face)?;
    measuring.end(&layout, now_us())?;
    brought::bring(team.as_ref(), &layout, &[run], face);
    Ok(report.exit)
}

/// The run that is asked for, or the only one; `None` where there are several, which are told.
fn named(args: &Args, place: &Place, face: &Face) -> Result<Option<String>> {
    if let Some(run) = &args.run {
        return Ok(Some(run.clone()));
    }
    let mut all = runs(place)?;
    match (all.pop(), all.is_empty()) {
        (None, _) => bail!(
            "no worker has put anything to {}: is that what they were given as --out?",
            place.url()
        ),
        (Some(run), true) => Ok(Some(run)),
        (Some(last), false) => {
            face.tell(&format!("there are several runs at {}: name one by --run", place.url()));
            all.iter().chain([&last]).for_each(|run| face.say(run));
            Ok(None)
        }
    }
}

/// What was put together of the run before; `None` where that is all of it.
fn earlier(store: &mut FileStore, found: &Found, face: &Face) -> Result<Option<Vec<store::Found>>> {
    let run = &found.run;
    let (earlier, notes) = store.gather(run)?;
    notes.iter().for_each(|note| face.tell(note));
    let Some(first) = earlier.first() else { return Ok(Some(earlier)) };
    let workers = store::read(&first.path).map_err(StoreError::from)?.run.head.environment.workers;
    let here = store.layout().root().display();
    match workers {
        Some(workers) if workers.files == found.digest => {}
        Some(_) => bail!(
            "run {run} is in {here} already, merged from other files than are there now: `tokgate rm {run}` takes it \
             out, and it can be merged again"
        ),
        None => bail!(
            "run {run} is in {here} already, and was measured there: nothing is merged into it; name another folder by \
             --results-dir"
        ),
    }
    if begun::is_ended(store.layout(), run) {
        return Ok(None);
    }
    face.tell(&format!("run {run}: merging it was interrupted, and goes on"));
    Ok(Some(earlier))
}

/// Epochs of the side of a case that has the most.
fn most_of_a_case(epochs: &[Epoch<'_>]) -> u64 {
    let mut counts = BTreeMap::new();
    for epoch in epochs {
        let EpochKey { case, arm, .. } = EpochKey::of(&epoch.first().part.head);
        *counts.entry((case, arm)).or_default() += 1;
    }
    counts.into_values().max().unwrap_or_default()
}

/// Tells a run that was merged before as it is kept, with the same end: who asks again is not to take an INVALID
/// run for a sound one.
fn again(args: &Args, run: &str, store: &FileStore, face: &Face) -> Result<Exit> {
    face.tell(&format!(
        "run {run} was merged already, from the same files, and is told as it was kept: `tokgate show {run}`"
    ));
    if args.baseline.is_some() {
        bail!(
            "`--baseline` judges what is merged now: `tokgate verdict {run} --baseline NAME` judges it again"
        );
    }
    let report = kept(store.show(run)?, run, args.strict)?;
    tell(args.format, &report, store.layout(), None, face);
    Ok(report.exit)
}

/// Sees to it that two files of each worker can be open at once, and so many more.
fn room(workers: usize, more: u64) -> Result<()> {
    let wanted = 2 * workers as u64 + BESIDES + more;
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let is_enough = |most: Option<u64>| most.is_none_or(|most| most >= wanted);
        if !is_enough(limit.current) {
            if !is_enough(limit.maximum) {
                bail!(
                    "files of {workers} workers and their figures need {wanted} open files, and this process may have {}: raise it with \
                     `ulimit -n {}`",
                    limit.maximum.unwrap_or_default(),
                    wanted.next_power_of_two()
                );
            }
            let raised = Rlimit { current: Some(wanted), ..limit };
            setrlimit(Resource::Nofile, raised).context("cannot have more files open")?;
        }
    }
    let _ = wanted;
    Ok(())
}

fn told(stored: &Stored) -> String {
    let (head, requests) = (&stored.run.head, stored.run.requests());
    let workers = head.environment.workers.as_ref().map_or(1, |workers| workers.count);
    format!(
        "{} epoch {}: {} requests of {workers} {}",
        head.case.id.listed(),
        head.epoch,
        requests.attempted,
        if workers == 1 { "worker" } else { "workers" },
    )
}

/// What a run is judged by.
struct Judging {
    planned: Vec<CaseId>,
    identity: Identity,
    baselines: BTreeMap<String, baselines::Found>,
}

impl Judging {
    /// That of a run whose epochs are known and not yet put together: what is wanted and is not there is told
    /// before.
    fn of(args: &Args, merging: &Merging<'_>, project: &Project, layout: &Layout) -> Result<Self> {
        let epochs = merging.roster.epochs().into_iter();
        let heads = epochs.map(|epoch| epoch.head(String::new(), &merging.found.digest));
        let own: Vec<Head> = heads.filter(is_own).collect();
        let Some(first) = own.first() else { bail!("the run has no epoch of its own") };
        let options = Options { baseline: args.baseline.clone(), ..Options::default() };
        let planned: Vec<CaseId> = own.iter().map(|head| head.case.id.clone()).collect();
        let baselines = find_baselines(project, &options, layout, &first.machine, &planned)?;
        Ok(Self { identity: Identity::of(first), planned, baselines })
    }
}

/// Whether an epoch is of what was measured itself: neither the other side of a pair nor the control.
fn is_own(head: &Head) -> bool {
    head.arm == Arm::Head && !Comparison::is_control(head)
}

/// Judges, writes the documents and tells, as the end of a run does.
fn conclude(
    args: &Args,
    judging: Judging,
    cases: Vec<MeasuredCase>,
    store: FileStore,
    face: &Face,
) -> Result<Report> {
    let layout = store.layout().clone();
    let measured: Vec<MeasuredCase> =
        cases.into_iter().filter(|case| is_own(case.head())).collect();
    for case in &measured {
        written::metadata(&layout, case)?;
    }
    let Judging { planned, identity, baselines } = judging;
    let mut session = Session {
        identity,
        harness: Harness::new().context("cannot start the harness")?,
        samplers: Vec::new,
        store: Box::new(store),
        earlier: Default::default(),
        sharing: None,
        baselines,
        strict: args.strict,
        feed: Feed::none(),
        stop: Arc::default(),
        measured,
        unmeasured: Vec::new(),
    };
    let report = pipeline::conclude_run(&mut session, &planned)?;
    written::results(&layout, &report)?;
    session.store.finish_run(&comparison::markdown)?;
    let page = page::after_run(&layout, &report, &session.measured)?;
    tell(args.format, &report, &layout, page, face);
    Ok(report)
}

fn tell(format: Format, report: &Report, layout: &Layout, page: Option<String>, face: &Face) {
    match format {
        Format::Json => face.say(&json::report(report).to_string()),
        Format::Jsonl => {
            for case in &report.cases {
                let done = serde_json::json!({ "event": "case_done", "case": json::case(case) });
                face.say(&done.to_string());
            }
            let done = serde_json::json!({ "event": "run_done", "run": json::report(report) });
            face.say(&done.to_string());
        }
        Format::Table => {
            report.cases.iter().for_each(|case| face.say(&terminal::case(case, face.out)));
            let saved = format!("saved  {}\n", layout.root().display());
            let page = page.map_or_else(String::new, |page| format!("page  {page}\n"));
            face.say(&format!("{}{saved}{page}", terminal::closing(report, face.out)));
        }
    }
}
