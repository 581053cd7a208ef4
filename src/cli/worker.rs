//! `tokgate run SCENARIO --shard I/N --start-at TIME --out URL`: one worker's part of a load that several
//! processes send together. It measures, keeps the raw lines here, and puts their rows where all put theirs;
//! it judges nothing, and asks nobody.

use crate::cli::exit::exit_of_case;
use crate::cli::face::Face;
use crate::cli::fellow::is_fellow;
use crate::cli::invocation::identify;
use crate::cli::onlookers;
use crate::cli::options::Options;
use crate::cli::plan;
use crate::cli::run;
use crate::cli::sharing::Worker;
use crate::cli::signals::Signals;
use crate::part::{self, Kept, PartStore, Putting, Sharing};
use crate::pipeline;
use crate::project::Project;
use crate::rows::{self, Begun, Clock};
use crate::session::{CaseError, Session};
use crate::store::Layout;
use anyhow::{Context, Result};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokgate_core::case::Case;
use tokgate_core::environment::Environment;
use tokgate_core::price::Prices;
use tokgate_core::summary::PROTOCOL;
use tokgate_core::verdict::Exit;
use tokgate_harness::http::host;
use tokgate_harness::measure::Harness;

/// From how late on an epoch is told to have begun late, seconds. What is too late, whoever merges says.
const TOLD_LATE_S: f64 = 0.01;

/// Measures this worker's part of a scenario's load, and puts it.
///
/// # Errors
/// When what was written cannot be run or shared, or results cannot be kept.
pub(super) fn run(name: &str, worker: &Worker, options: &Options, face: &Face) -> Result<Exit> {
    worker.refuse_far(Timestamp::now())?;
    let project = Project::find(&std::env::current_dir()?);
    let environment = tokgate_harness::machine::detect();
    let options = options.clone().settle(&project)?;
    let cases = run::cases(name, &options, &environment, &project)?.cases;
    if cases.is_empty() {
        face.tell(&format!("no case is left; `tokgate scenarios check {name}` counts all"));
        return Ok(Exit::Nothing);
    }
    tokgate_harness::telemetry::check_replay()?;
    let sharing = Sharing::of(&cases, worker.shard, worker.start, worker.slot)?;
    let putting = Putting::open(&worker.out)?;
    let begun = begun(&cases, worker, &putting, &environment)?;
    tell_plan(&cases, &sharing, &begun, face);
    let signals = Signals::listen().context("cannot listen for signals")?;
    // Who cannot keep what it measures has not begun, and may be started again.
    let layout = Layout::new(options.results_dir.clone().map_or_else(|| project.results(), Ok)?);
    let folder = layout.make_part(&begun.run, begun.worker, &begun.attempt)?;
    let begun = announced(begun, &putting)?;
    tell_start(worker.start, &begun, face);
    let store = PartStore::open(folder.clone(), Kept::new(putting.url(), begun.clone()))?;
    let mut identity =
        identify(&project, &options, environment, plan::declared_machine(cases.iter()));
    identity.run_id.clone_from(&begun.run);
    identity.booking_id = options.booking.clone().unwrap_or_else(|| begun.run.clone());
    let feed =
        onlookers::feed(&layout, onlookers::about_part(&identity, &cases, worker.shard), face);
    let session = Session {
        identity,
        harness: Harness::new()
            .context("cannot start the harness")?
            .with_logs(layout.logs())
            .with_shard(worker.shard)
            .with_fellows(is_fellow),
        samplers: tokgate_harness::telemetry::samplers,
        store: Box::new(store),
        earlier: Default::default(),
        sharing: Some(sharing),
        baselines: Default::default(),
        strict: false,
        feed,
        stop: Arc::clone(&signals.stop),
        measured: Vec::new(),
        unmeasured: Vec::new(),
    };
    let mut part = Part { session, signals, face, folder, exit: Exit::Held };
    cases.iter().for_each(|case| part.measure(case));
    part.put(&putting, &options.settled.prices)
}

/// Who this process is among the workers; nothing is told of it yet.
fn begun(
    cases: &[Case],
    worker: &Worker,
    putting: &Putting,
    environment: &Environment,
) -> Result<Begun> {
    let plan = rows::plan_digest(cases)?;
    let (of, start_at_us) = (worker.shard.of(), worker.start.as_microsecond());
    Ok(Begun {
        version: rows::VERSION,
        run: part::run_id(&plan, of, start_at_us, putting.url()),
        worker: worker.shard.index(),
        of,
        attempt: part::attempt(),
        tokgate: environment.tool_version.clone(),
        protocol: PROTOCOL,
        plan,
        start_at_us,
        host: host(),
        clock: None,
    })
}

/// The same with its clock beside the store's, once it lies there that this worker has begun.
fn announced(begun: Begun, putting: &Putting) -> Result<Begun> {
    let skew = putting.clock(&begun)?;
    let clock = Some(Clock { skew_s: skew.skew_s(), uncertainty_s: skew.uncertainty_s() });
    let begun = Begun { clock, ..begun };
    putting.begin(&begun)?;
    Ok(begun)
}

fn tell_plan(cases: &[Case], sharing: &Sharing, begun: &Begun, face: &Face) {
    face.say(&format!(
        "worker {} of {} (the first is 0) of run {}, attempt {}",
        begun.worker, begun.of, begun.run, begun.attempt
    ));
    for case in cases {
        let starts = (0..case.run.epochs).filter_map(|number| sharing.start(&case.id, number));
        let starts: Vec<String> = starts.map(|start| start.to_string()).collect();
        let (name, sends) = (case.id.listed(), sharing.told(case));
        face.say(&format!("  {name}: sends {sends}; begins at {}", starts.join(", ")));
        host::near(case, sharing.shard()).iter().for_each(|near| face.tell(near));
    }
}

fn tell_start(start: Timestamp, begun: &Begun, face: &Face) {
    if let Some(Clock { skew_s, uncertainty_s }) = begun.clock {
        face.tell(&format!(
            "our clock is {skew_s:+.3} s beside the store's, give or take {uncertainty_s:.3} s"
        ));
    }
    let ahead_s = start.duration_since(Timestamp::now()).as_secs_f64();
    match ahead_s > 0.0 {
        true => face.tell(&format!(
            "all workers begin in {ahead_s:.0} s; until then this one warms up and waits"
        )),
        false => face.tell(&format!(
            "the start was {:.1} s ago: this worker is late and begins at once, which its manifest says",
            -ahead_s
        )),
    }
}

/// This host's name, as others know it.
fn host() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named = read.or_else(|| std::env::var("HOSTNAME").ok());
    named.map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// A part in progress.
struct Part<'a> {
    session: Session,
    signals: Arc<Signals>,
    face: &'a Face,
    folder: PathBuf,
    exit: Exit,
}

impl Part<'_> {
    /// Measures what is sent here of a case; what was measured is on the disk when this comes back.
    fn measure(&mut self, case: &Case) {
        if let Some(why) = self.why_not(case) {
            self.session.feed.unmeasured(&case.id, &why);
            self.face.tell(&format!("skipped {}: {why}", case.id.listed()));
            return;
        }
        let bar = self.face.bar(&case.id.listed(), None);
        let measured = pipeline::measure_case(&mut self.session, case, &|_| bar.inc(1));
        bar.finish_and_clear();
        if let Err(error) = measured {
            self.session.feed.unmeasured(&case.id, &error.to_string());
            self.face.tell(&format!("could not measure {}: {error}", case.id.listed()));
            self.exit = self.exit.worst(match error {
                CaseError::LeftOut(_) => Exit::Held,
                error => exit_of_case(&error),
            });
        }
        // They are on the disk; of a long run with many cases memory would not be left.
        self.session.measured.clear();
    }

    fn why_not(&self, case: &Case) -> Option<String> {
        match (self.signals.exit(), self.exit) {
            (Some(_), _) => Some("stopped before its turn".to_owned()),
            (None, Exit::Storage) => Some("results can no longer be kept".to_owned()),
            (None, _) => plan::unmet(&case.requires, &self.session.identity.environment),
        }
    }

    /// Puts what was measured; the manifest last.
    fn put(self, putting: &Putting, prices: &Prices) -> Result<Exit> {
        let kept = Kept::read(&self.folder)?;
        for epoch in kept.epochs.iter().filter(|it| it.late_s.is_some_and(|it| it > TOLD_LATE_S)) {
            let late_s = epoch.late_s.unwrap_or_default();
            self.face.tell(&format!("{} began {late_s:.3} s late", epoch.test_id));
        }
        match putting.put(&self.folder, &kept, prices) {
            Ok(manifest) => {
                self.face.say(&format!("put {manifest}"));
                if self.signals.exit().is_none() {
                    self.session.feed.over();
                }
            }
            Err(error) => {
                self.face.tell(&lost(&error.to_string(), putting.url(), &self.folder));
                return Ok(self.signals.exit().unwrap_or(Exit::Storage));
            }
        }
        Ok(self.signals.exit().unwrap_or(self.exit))
    }
}

/// What to do when the place of all parts was not there at the end.
fn lost(why: &str, url: &str, folder: &Path) -> String {
    format!(
        "could not put this part to {url}: {why}\nnothing of it is lost: `tokgate export --parts {}` puts \
         it again",
        folder.display()
    )
}
