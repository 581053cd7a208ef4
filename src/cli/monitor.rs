//! The machine alone, without a load: looked at once a second while `tokgate serve --monitor-only` runs, kept a
//! line a look in `results/monitor/`, a file a day, and told to whoever looks on.

use crate::cli::face::Face;
use crate::cli::onlookers;
use crate::live::{About, Feed, Telemetry};
use crate::session::now_us;
use crate::store::{self, Layout, StoreError, atomic, ids};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokgate_core::day::Day;
use tokgate_core::run::TelemetrySample;
use tokgate_harness::clock::Clock;
use tokgate_harness::telemetry::scrape::{Page, Scrape};
use tokgate_harness::telemetry::{Family, Moment, Place, Sampler, samplers};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Days that are kept, the newest: some ten megabytes each.
const DAYS: usize = 30;
/// Version of a line.
const SCHEMA_VERSION: u32 = 1;

/// What was seen at one moment, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    schema_version: u32,
    /// Microseconds since 1970.
    at_us: i64,
    sample: TelemetrySample,
}

/// A machine that is looked at; not any more when this is dropped.
pub(super) struct Monitoring {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Monitoring {
    /// Looks on from now on; a target's page of metrics, too, where one is named.
    ///
    /// # Errors
    /// When nothing can be kept, or the address is none.
    pub(super) fn start(layout: &Layout, metrics: Option<&str>, face: &Face) -> Result<Self> {
        let environment = tokgate_harness::machine::detect();
        let started_us = now_us();
        let about = About {
            run_id: store::run_id(started_us, ids::tail()),
            scenario: "the machine alone".to_owned(),
            machine: environment.machine().0,
            started_us,
            alone: true,
            part: None,
            ..About::default()
        };
        let mut all = samplers();
        if let Some(url) = metrics {
            let url = url.parse().with_context(|| format!("`{url}` is no address of a page"))?;
            all.push(Box::new(Scrape::start(url, Page::Serving)));
        }
        let mut book = Book { folder: layout.monitor(), open: None };
        std::fs::create_dir_all(&book.folder)
            .with_context(|| format!("cannot create {}", book.folder.display()))?;
        book.line(started_us)?;
        let feed = onlookers::feed(layout, about, face);
        let samplers = feed.looking_on(all);
        let (over, until) = channel();
        let thread = std::thread::spawn(move || look_on(samplers, &mut book, &feed, &until));
        Ok(Self { over: Some(over), thread: Some(thread) })
    }
}

impl Drop for Monitoring {
    fn drop(&mut self) {
        self.over.take();
        if let Some(thread) = self.thread.take() {
            // One that panicked has kept what it could.
            let _ = thread.join();
        }
    }
}

fn look_on(
    mut samplers: Vec<Box<dyn Sampler>>,
    book: &mut Book,
    feed: &Feed,
    until: &Receiver<()>,
) {
    let (clock, family) = (Clock::start(), Family::new(Place::InProcess));
    let mut warned = false;
    loop {
        let mut sample = TelemetrySample { at: clock.now(), ..TelemetrySample::default() };
        let moment = Moment { thorough: true, family: &family };
        samplers.iter_mut().for_each(|sampler| sampler.sample(&moment, &mut sample));
        // Each core by itself is most of a line, and all of them together are in it.
        sample.cores.clear();
        let kept = book.keep(&Seen { schema_version: SCHEMA_VERSION, at_us: now_us(), sample });
        if let Err(error) = kept
            && !warned
        {
            tracing::warn!("what is seen of the machine is not kept: {error:#}");
            warned = true;
        }
        match until.recv_timeout(EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return feed.over(),
        }
    }
}

/// The files of the days.
struct Book {
    folder: PathBuf,
    open: Option<(PathBuf, File)>,
}

impl Book {
    fn keep(&mut self, seen: &Seen) -> Result<()> {
        let mut line = serde_json::to_vec(seen)?;
        line.push(b'\n');
        Ok(self.line(seen.at_us)?.write_all(&line)?)
    }

    /// The file of a moment's day.
    fn line(&mut self, at_us: i64) -> Result<&mut File> {
        let path = self.folder.join(format!("{}.jsonl", Day::of_us(at_us)));
        let open = match self.open.take() {
            Some((known, file)) if known == path => (known, file),
            Some(_) | None => {
                forget(&self.folder, DAYS - 1);
                let mut options = OpenOptions::new();
                let file = options.append(true).create(true).open(&path);
                let file = file.with_context(|| format!("cannot open {}", path.display()))?;
                (path, file)
            }
        };
        Ok(&mut self.open.insert(open).1)
    }
}

/// The files of days, the oldest first.
fn days(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_day = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "jsonl");
    let mut days: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_day).collect();
    days.sort_unstable();
    days
}

fn forget(folder: &Path, kept: usize) {
    let days = days(folder);
    for day in &days[..days.len().saturating_sub(kept)] {
        // What stays is in nobody's way.
        let _ = std::fs::remove_file(day);
    }
}

/// Writes everything that was seen of the machine to a file, as JSON or CSV by its name; says how many
/// moments.
///
/// # Errors
/// When the file is there already and must not be replaced, it cannot be written, or nothing was seen.
pub(super) fn export(layout: &Layout, file: &Path, force: bool) -> Result<usize> {
    if !force && file.symlink_metadata().is_ok() {
        return Err(StoreError::Taken(file.to_owned()).into());
    }
    let seen = read(&layout.monitor())?;
    if seen.is_empty() {
        bail!("the machine was not looked at here: `tokgate serve --monitor-only` does");
    }
    let text = match file.extension().and_then(|ending| ending.to_str()) {
        Some("json") => {
            serde_json::json!({ "schema_version": SCHEMA_VERSION, "moments": seen }).to_string()
                + "\n"
        }
        Some("csv") => csv(&seen)?,
        Some(_) | None => bail!("{}: name a file that ends in .json or .csv", file.display()),
    };
    let path = std::path::absolute(file)?;
    match force {
        true => atomic::write(&path, text.as_bytes())?,
        false => atomic::write_new(&path, text.as_bytes())?,
    }
    Ok(seen.len())
}

/// All moments in their order. A line that was not written whole is left out.
fn read(folder: &Path) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for day in days(folder) {
        let file = File::open(&day).with_context(|| format!("cannot read {}", day.display()))?;
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        seen.extend(lines.filter_map(|line| serde_json::from_str::<Seen>(&line).ok()));
    }
    Ok(seen)
}

/// A line a moment, of the whole machine.
fn csv(seen: &[Seen]) -> Result<String> {
    #[derive(Serialize)]
    struct Row {
        at_us: i64,
        cpu: Option<f64>,
        memory_bytes: Option<u64>,
        gpu: Option<f64>,
        gpu_memory_bytes: Option<u64>,
        gpu_power_w: Option<f64>,
        gpu_temperature_c: Option<f64>,
        requests_running: Option<f64>,
        requests_waiting: Option<f64>,
        cache_use: Option<f64>,
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for one in seen {
        let Telemetry {
            cpu,
            memory_bytes,
            gpu,
            gpu_memory_bytes,
            gpu_power_w,
            gpu_temperature_c,
            requests_running,
            requests_waiting,
            cache_use,
        } = Telemetry::of(&one.sample);
        writer.serialize(Row {
            at_us: one.at_us,
            cpu,
            memory_bytes,
            gpu,
            gpu_memory_bytes,
            gpu_power_w,
            gpu_temperature_c,
            requests_running,
            requests_waiting,
            cache_use,
        })?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
