//! One invocation as both faces run it: what is started, how each case is announced, how it ends.

use crate::again;
use crate::baselines::{self, Places, Wanted};
use crate::cli::exit::exit_of_case;
use crate::cli::face::Face;
use crate::cli::models::{self, Contest, Standings};
use crate::cli::onlookers;
use crate::cli::options::Options;
use crate::cli::page;
use crate::cli::plan;
use crate::cli::run::Format;
use crate::cli::signals::Signals;
use crate::cli::stretch::Stretch;
use crate::cli::team;
use crate::cli::written;
use crate::config::Telling;
use crate::git::Commit;
use crate::live::Feed;
use crate::notify;
use crate::pipeline;
use crate::project::Project;
use crate::report::terminal::Style;
use crate::report::{comparison, json, terminal};
use crate::session::{CaseError, Identity, Session, now_us};
use crate::store::outbox::Receipt;
use crate::store::{Layout, Measuring, ids};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::environment::{Environment, MachineId};
use tokgate_core::report::{CaseReport, Report, Unmeasured};
use tokgate_core::verdict::Exit;
use tokgate_harness::measure::Harness;

/// Said of what is INVALID and would not be on a quiet machine.
pub(super) const HOST_NOISE: &str = "invalid through the noise of the host alone";

/// What was written at the end beside the results: what it is, and where.
type Saved<'a> = [(&'a str, Option<String>)];

/// How an invocation speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// Tables on stdout as cases end, or JSON.
    Run(Format),
    /// Under libtest's own lines: tables at the end, on stderr when stdout is for machines.
    Bench {
        /// Whether stdout carries JSON lines of libtest's.
        machine: bool,
        /// Whether libtest prints its own lines, which tables must not interrupt.
        quiet: bool,
    },
}

/// An invocation in progress.
pub(super) struct Invocation {
    pub(super) session: Session,
    pub(super) layout: Layout,
    /// Where baselines are looked for and saved, also when nothing else is kept.
    baselines: Layout,
    pub(super) face: Face,
    pub(super) voice: Voice,
    pub(super) signals: Arc<Signals>,
    save_baseline: Option<String>,
    pub(super) telling: Telling,
    /// Whose models are told beside each other at the end.
    pub(super) contest: Option<Contest>,
    planned: Vec<CaseId>,
    /// The run, where it can be gone on with.
    measuring: Option<Measuring>,
    /// What became of the deliveries to a team's store.
    receipt: Receipt,
    /// Whether a case's metadata could not be written.
    undocumented: bool,
    told: Vec<String>,
    /// Removed when the invocation ends, where nothing is to be kept.
    _temporary: Option<TempDir>,
}

/// What an invocation starts from.
pub(super) struct Start<'a> {
    /// The project.
    pub(super) project: &'a Project,
    /// The options.
    pub(super) options: &'a Options,
    /// The machine.
    pub(super) environment: Environment,
    /// The machine that the target declares, where it is another.
    pub(super) machine: Option<MachineId>,
    /// Every case of the scenarios concerned, before any filter.
    pub(super) planned: Vec<CaseId>,
    /// How to speak.
    pub(super) voice: Voice,
    /// Which run this is a stretch of.
    pub(super) stretch: Stretch,
}

impl Invocation {
    /// Opens the store and finds the baselines; nothing is measured yet.
    ///
    /// # Errors
    /// When results cannot be kept, or a baseline is absent or unusable.
    pub(super) fn start(start: Start<'_>, face: Face) -> Result<Self> {
        let Start { project, options, environment, machine, planned, voice, stretch } = start;
        tokgate_harness::telemetry::check_replay()?;
        if let Some(trace) = environment.replayed() {
            face.tell(&format!("the GPU is played from {trace}: nothing said of it is measured"));
        }
        let temporary = options.no_store.then(tempfile::tempdir).transpose()?;
        let kept = options.results_dir.clone().map_or_else(|| project.results(), Ok)?;
        let root = temporary.as_ref().map_or(kept.clone(), |folder| folder.path().to_owned());
        let (layout, durable) = (Layout::new(root), Layout::new(kept));
        let mut identity = identify(project, options, environment, machine);
        stretch.name(&mut identity, options);
        let baselines = find_baselines(project, options, &durable, &identity.machine, &planned)?;
        let signals = Signals::listen().context("cannot listen for signals")?;
        let kept = temporary.is_none();
        let (store, receipt) = team::keeping(&layout, project, !kept)?;
        let cases = stretch.cases();
        let (measuring, earlier) =
            if kept { stretch.keep(&layout, &identity)? } else { Default::default() };
        let about = onlookers::about(&identity, &planned, cases);
        let feed = if kept { onlookers::feed(&layout, about, &face) } else { Feed::none() };
        let session = Session {
            identity,
            harness: Harness::new()
                .context("cannot start the harness")?
                .with_logs(layout.logs())
                .with_cache(options.cache())
                .with_drivers(options.drivers.clone()),
            samplers: tokgate_harness::telemetry::samplers,
            store,
            earlier,
            sharing: None,
            baselines,
            strict: options.strict,
            feed,
            stop: Arc::clone(&signals.stop),
            measured: Vec::new(),
            unmeasured: Vec::new(),
        };
        Ok(Self {
            session,
            layout,
            baselines: durable,
            face,
            voice,
            signals,
            save_baseline: options.save_baseline.clone(),
            telling: options.settled.telling.clone(),
            contest: None,
            planned,
            measuring,
            receipt,
            undocumented: false,
            told: Vec::new(),
            _temporary: temporary,
        })
    }

    /// Why a case is not measured; `None` when it is.
    #[must_use]
    pub(super) fn why_not(&self, case: &Case) -> Option<String> {
        match self.signals.exit() {
            Some(_) => Some("stopped before its turn".to_owned()),
            None if self.is_full() => Some("results can no longer be kept".to_owned()),
            None if self.session.earlier.is_whole(case) => None,
            None => plan::unmet(&case.requires, &self.session.identity.environment),
        }
    }

    /// Whether something that was measured could not be kept: then nothing further is measured.
    fn is_full(&self) -> bool {
        let mut exits = self.session.unmeasured.iter().map(|case| case.exit);
        self.undocumented || exits.any(|exit| exit == Exit::Storage)
    }

    /// Says that a case is not measured.
    pub(super) fn skip(&self, case: &Case, why: &str) {
        if !self.is_silent() {
            self.face.tell(&format!("skipped {}: {why}", case.id.listed()));
        }
    }

    /// Measures a case and announces it. When it is announced, it is durable.
    ///
    /// # Errors
    /// In words, when the case was not measured or may not be judged.
    pub(super) fn measure(&mut self, case: &Case) -> Result<(), String> {
        let planned = case.planned_requests();
        let total = planned.map(|requests| u64::from(case.run.epochs) * requests);
        let bar = self.face.bar(&case.id.listed(), total);
        let watch = |record: &tokgate_core::record::Record| {
            if record.phase != tokgate_core::record::Phase::Warmup {
                bar.inc(1);
            }
        };
        let measured = pipeline::measure_case(&mut self.session, case, &watch);
        bar.finish_and_clear();
        match measured {
            Ok(report) => {
                let last = self.session.measured.last();
                if let Err(error) =
                    last.map_or(Ok(()), |case| written::metadata(&self.layout, case))
                {
                    self.undocumented = true;
                    let why = format!("{error:#}");
                    if !self.is_silent() {
                        self.face.tell(&format!("could not document {}: {why}", case.id.listed()));
                    }
                    return Err(why);
                }
                self.announce(&report);
                verdict_on(&report)
            }
            Err(CaseError::LeftOut(why)) => {
                self.session.feed.unmeasured(&case.id, &why);
                self.skip(case, &why);
                Ok(())
            }
            Err(error) => Err(self.failed(case, &error)),
        }
    }

    fn announce(&mut self, report: &CaseReport) {
        let text = terminal::case(report, self.style());
        match self.voice {
            Voice::Run(Format::Table) | Voice::Bench { quiet: false, .. } => self.face.say(&text),
            Voice::Run(Format::Jsonl) => {
                self.face.say(
                    &serde_json::json!({ "event": "case_done", "case": json::case(report) })
                        .to_string(),
                );
            }
            Voice::Run(Format::Json) => {}
            Voice::Bench { quiet: true, .. } => self.told.push(text),
        }
    }

    pub(super) fn failed(&mut self, case: &Case, error: &CaseError) -> String {
        let why = error.to_string();
        let exit = exit_of_case(error);
        self.session.feed.unmeasured(&case.id, &why);
        self.session.unmeasured.push(Unmeasured { case: case.id.clone(), why: why.clone(), exit });
        if !self.is_silent() {
            self.face.tell(&format!("could not measure {}: {why}", case.id.listed()));
        }
        why
    }

    /// Where stdout is for machines, tables go to stderr.
    fn style(&self) -> Style {
        match self.voice {
            Voice::Run(_) | Voice::Bench { machine: false, .. } => self.face.out,
            Voice::Bench { machine: true, .. } => self.face.err,
        }
    }

    /// Whether a line of ours would interrupt one of libtest's.
    fn is_silent(&self) -> bool {
        matches!(self.voice, Voice::Bench { quiet: true, .. })
    }

    /// Judges, concludes, writes the documents, tells the end, and tells whoever wants to know of alerts.
    ///
    /// # Errors
    /// When the documents or a baseline cannot be written.
    pub(super) fn finish(mut self) -> Result<Exit> {
        let ended = self.conclude().and_then(|exit| {
            self.end()?;
            Ok(exit)
        });
        if let (Some(run), true) = (self.open(), ended.is_err() || !self.is_complete()) {
            self.face.tell(&format!(
                "run {run} is not complete: `tokgate run --resume {run}` measures what is missing"
            ));
        }
        ended
    }

    /// The run, where it can be gone on with.
    fn open(&self) -> Option<&str> {
        self.measuring.as_ref().map(Measuring::run_id)
    }

    /// Whether everything that was planned was measured, or left out by what it asks for itself.
    pub(super) fn is_complete(&self) -> bool {
        let is_stopped = self.signals.exit().is_some();
        !is_stopped && !self.undocumented && self.session.unmeasured.is_empty()
    }

    /// Says on the disk that the run is complete, when it is.
    fn end(&self) -> Result<()> {
        match &self.measuring {
            Some(measuring) if self.is_complete() => Ok(measuring.end(&self.layout, now_us())?),
            Some(_) | None => Ok(()),
        }
    }

    fn conclude(&mut self) -> Result<Exit> {
        let mut report = pipeline::conclude_run(&mut self.session, &self.planned)?;
        report.exit = self.exit(&report);
        written::results(&self.layout, &report)?;
        self.session.store.finish_run(&comparison::markdown)?;
        let page = match self._temporary {
            Some(_) => None,
            None => page::after_run(&self.layout, &report, &self.session.measured)?,
        };
        let saved = match self.save_baseline() {
            // The end says why it is INVALID: there is a result, and no baseline.
            Err(why) if report.exit == Exit::Invalid => {
                self.face.tell(&format!("no baseline is saved: {why:#}"));
                None
            }
            saved => saved?,
        };
        self.session.feed.end(&report, self.is_complete());
        let contest = self.contest.as_ref();
        let standings = contest.map(|it| it.standings(&self.layout, &report.run_id)).transpose()?;
        let store = team::told(&self.receipt, &self.face);
        let saved = [("page  ", page), ("baseline  ", saved), ("store  ", store)];
        self.tell_end(&report, &saved, standings.as_ref());
        notify::tell(&self.telling, &report).iter().for_each(|warning| self.face.tell(warning));
        Ok(report.exit)
    }

    /// Keeps what was said of the cases, for a gate that has not said its last word.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(super) fn keep_screen(&mut self) -> Result<()> {
        let report = pipeline::conclude_run(&mut self.session, &self.planned)?;
        written::results(&self.layout, &report)?;
        Ok(self.session.store.finish_run(&comparison::markdown)?)
    }

    /// Whether the host's noise is all that is wrong.
    pub(super) fn is_disturbed(&self, report: &Report) -> bool {
        is_host_noise(report) && self.session.unmeasured.is_empty()
    }

    /// Signals first, then what could not be kept, then what was concluded.
    pub(super) fn exit(&self, report: &Report) -> Exit {
        let kept = if self.undocumented { Exit::Storage } else { Exit::Held };
        self.signals.exit().unwrap_or_else(|| report.exit.worst(kept))
    }

    fn save_baseline(&self) -> Result<Option<String>> {
        let Some(name) = &self.save_baseline else {
            return Ok(None);
        };
        let measured = &self.session.measured;
        if measured.is_empty() {
            return Ok(None);
        }
        let baseline = again::baseline_of(measured, jiff::Timestamp::now())
            .context("this run cannot be a baseline")?;
        let path = baselines::save(&self.baselines, name, &baseline)?;
        Ok(Some(path.display().to_string()))
    }

    fn tell_end(&self, report: &Report, saved: &Saved<'_>, standings: Option<&Standings>) {
        let json = || models::report(report, standings);
        match self.voice {
            Voice::Run(Format::Json) => self.face.say(&json().to_string()),
            Voice::Run(Format::Jsonl) => {
                self.face
                    .say(&serde_json::json!({ "event": "run_done", "run": json() }).to_string());
            }
            Voice::Run(Format::Table) if report.cases.is_empty() => {}
            Voice::Run(Format::Table) => {
                self.face.say(&self.closing(report, saved));
                standings.iter().for_each(|it| it.tell(&self.face));
            }
            Voice::Bench { machine: true, .. } => self.face.tell(&self.tables(report, saved)),
            Voice::Bench { machine: false, .. } => self.face.say(&self.tables(report, saved)),
        }
        if report.exit == Exit::Nothing {
            self.face.tell("nothing was measured");
        }
        if report.exit == Exit::Invalid && self.is_disturbed(report) {
            self.face.tell(HOST_NOISE);
        }
    }

    fn tables(&self, report: &Report, saved: &Saved<'_>) -> String {
        format!("\n{}\n{}", self.told.join("\n"), self.closing(report, saved))
    }

    fn closing(&self, report: &Report, saved: &Saved<'_>) -> String {
        if report.cases.is_empty() {
            return String::new();
        }
        let mut text = terminal::closing(report, self.style());
        if self._temporary.is_none() {
            text.push_str(&format!("saved  {}\n", self.layout.root().display()));
        }
        for (name, path) in saved {
            if let Some(path) = path {
                text.push_str(&format!("{name}{path}\n"));
            }
        }
        text
    }
}

/// Who measures: the machine and the commit as they are now, under a run's name of its own.
pub(super) fn identify(
    project: &Project,
    options: &Options,
    mut environment: Environment,
    declared: Option<MachineId>,
) -> Identity {
    let commit = project.root.as_deref().and_then(Commit::at);
    environment.commit = commit.map(|commit| commit.to_string());
    let named = options.machine.clone().map(MachineId);
    let machine = named.or(declared).unwrap_or_else(|| environment.machine());
    let started_us = now_us();
    let run_id = crate::store::run_id(started_us, ids::tail());
    Identity {
        booking_id: options.booking.clone().unwrap_or_else(|| run_id.clone()),
        run_id,
        machine,
        environment,
        platform: options.platform.clone(),
        started_us,
    }
}

/// What each scenario is compared with, by its name.
///
/// # Errors
/// When a baseline that is wanted is absent, or one that is there cannot be used.
pub(super) fn find_baselines(
    project: &Project,
    options: &Options,
    layout: &Layout,
    machine: &MachineId,
    planned: &[CaseId],
) -> Result<BTreeMap<String, baselines::Found>> {
    let wanted = match (&options.baseline, &options.baseline_lenient) {
        (Some(name), _) => Wanted::Strict(name.clone()),
        (None, Some(name)) => Wanted::Lenient(name.clone()),
        (None, None) => Wanted::Recorded,
    };
    let places = Places { project: project.root.as_deref(), layout, machine };
    planned
        .iter()
        .map(|case| case.scenario().to_owned())
        .map(|scenario| Ok((scenario.clone(), places.find(&wanted, &scenario)?)))
        .collect()
}

/// What a trial of libtest's is told: VALID passes; everything else says why not.
fn verdict_on(report: &CaseReport) -> Result<(), String> {
    let reasons: Vec<String> = report
        .epochs
        .iter()
        .flat_map(|epoch| epoch.validity.reasons())
        .map(|reason| format!("INVALID: {reason}"))
        .collect();
    if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
}

fn is_host_noise(report: &Report) -> bool {
    let mut reasons = report
        .cases
        .iter()
        .flat_map(|case| &case.epochs)
        .flat_map(|epoch| epoch.validity.reasons())
        .peekable();
    reasons.peek().is_some() && reasons.all(|reason| reason.is_host())
}
