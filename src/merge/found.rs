//! What the workers of a run state of themselves, as it is found at the place that they put it to.

use crate::rows::{
    Begun, Clock, EpochFiles, Listed, Manifest, MeasuredEpoch, Place, PlaceError, workers,
};
use crate::store::ids::is_plain;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use tokgate_core::diagnostic::line;
use tokgate_core::merge::{Attempt, Epoch, EpochKey, Part, Skew, Taken};
use tokgate_core::run::Head;
use tokgate_core::validity::Reason;

/// Where all statements lie.
const WORKERS: &str = "workers";
/// What a statement's path ends in that was put before the load.
const BEGUN: &str = ".begun.json";
/// What every statement is called first: what is called otherwise is somebody else's.
const OURS: &str = "worker=";
/// What one ends in that was put after it.
const MANIFEST: &str = ".json";
/// Most bytes of a statement of a beginning: it is a few words.
const MOST_BEGUN: u64 = 64 << 10;
/// Most bytes of a manifest: a day of telemetry with many GPUs.
const MOST_MANIFEST: u64 = 512 << 20;
/// No process starts longer than a week before its load begins, nanoseconds.
const LONGEST_WAIT_NS: u64 = 7 * 24 * 3600 * 1_000_000_000;
/// No epoch has more requests: the numbers of them alone would fill the memory.
const MOST_REQUESTS: u64 = 200_000_000;

/// An event takes some 200 bytes of memory while its epoch is stored and summarised, and a request without any a
/// thousand: of many queries that have none, too, figures alone are kept.
const EVENTS_OF_REQUEST: u64 = 5;
/// Characters at most of what is wrong with a file: others have written some of them.
const LONGEST: usize = 400;

/// Statements that are not what was put and are named one by one; the others are counted.
const MOST_TORN: usize = 32;

/// All that was found of the workers of one run.
#[derive(Debug)]
pub struct Found {
    /// The run.
    pub run: String,
    /// The processes that state something.
    pub attempts: Vec<Attempt>,
    /// Statements that are not what was put.
    pub torn: Vec<Reason>,
    /// The digest of everything that is stated, and so of every file that is named.
    pub digest: String,
    /// By worker and attempt, the files of each epoch.
    files: BTreeMap<(u32, String), BTreeMap<EpochKey, EpochFiles>>,
}

/// The runs of which there is something at a place, by name.
///
/// # Errors
/// When the place would not say.
pub fn runs(place: &Place) -> Result<Vec<String>, PlaceError> {
    let listed = place.list(WORKERS)?;
    let runs = listed.iter().filter_map(|it| {
        let folder = it.path.strip_prefix(WORKERS)?.strip_prefix("/run=")?;
        Some(folder.split_once('/')?.0).filter(|run| is_plain(run))
    });
    Ok(runs.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect())
}

/// What one process states.
#[derive(Debug, Default)]
struct Stated {
    begun: Option<Begun>,
    manifest: Option<Manifest>,
}

/// What all of them state, by worker and attempt.
type AllStated = BTreeMap<(u32, String), Stated>;

impl Found {
    /// Reads what there is of a run, whose name is a plain one. What is not as it was put is a reason, and the
    /// rest is read.
    ///
    /// # Errors
    /// When the place would not say.
    pub fn at(place: &Place, run: &str) -> Result<Self, PlaceError> {
        let (mut stated, mut torn, mut digest) = (AllStated::new(), Vec::new(), Sha256::new());
        for Listed { path, .. } in place.list(&workers(run))? {
            let Some(most) = most(&path) else { continue };
            let bytes = match place.get(&path, most) {
                Ok(bytes) => bytes,
                Err(why @ PlaceError::Changed { .. }) => {
                    torn.push(unreadable(&path, &why));
                    continue;
                }
                Err(error) => return Err(error),
            };
            digest.update(format!("{path}\0{}\0", bytes.len()));
            digest.update(&bytes);
            torn.extend(read(&path, &bytes, &mut stated).err());
        }
        let digest = crate::hex::digits(&digest.finalize());
        if let Some(more) = torn.len().checked_sub(MOST_TORN).filter(|more| *more > 0) {
            torn.truncate(MOST_TORN);
            torn.push(unreadable(
                &workers(run),
                &format!("{more} more of its files are none of a worker's"),
            ));
        }
        let mut found = Self {
            run: run.to_owned(),
            attempts: Vec::new(),
            torn,
            digest,
            files: BTreeMap::new(),
        };
        stated.into_values().for_each(|stated| found.add(stated));
        Ok(found)
    }

    /// The files of a part.
    #[must_use]
    pub fn files(&self, taken: &Taken<'_>) -> Option<&EpochFiles> {
        let Taken { worker, part } = taken;
        self.files.get(&(worker.worker, worker.name.clone()))?.get(&EpochKey::of(&part.head))
    }

    /// Events of the epoch that has the most, over all workers; a request takes as much memory as several, and
    /// counts as those.
    #[must_use]
    pub fn most_events(&self, epochs: &[Epoch<'_>]) -> u64 {
        let of_part = |taken: &Taken<'_>| {
            let Some(files) = self.files(taken) else { return 0 };
            files.requests.rows.saturating_mul(EVENTS_OF_REQUEST).saturating_add(files.events.rows)
        };
        let events =
            |epoch: &Epoch<'_>| epoch.taken.iter().map(of_part).fold(0, u64::saturating_add);
        epochs.iter().map(events).max().unwrap_or_default()
    }

    fn add(&mut self, stated: Stated) {
        let Stated { begun, manifest } = stated;
        let (begun, epochs) = match (manifest, begun) {
            (Some(manifest), _) => (manifest.begun, Some(manifest.epochs)),
            (None, Some(begun)) => (begun, None),
            (None, None) => return,
        };
        let files = epochs.iter().flatten().map(|it| (EpochKey::of(&it.head), it.files.clone()));
        self.files.insert((begun.worker, begun.attempt.clone()), files.collect());
        let parts = epochs.map(|epochs| epochs.into_iter().map(part).collect());
        self.attempts.push(attempt(begun, parts));
    }
}

/// Most bytes that a statement may have; `None` where it is none.
fn most(path: &str) -> Option<u64> {
    let name = path.rsplit('/').next().filter(|name| name.starts_with(OURS))?;
    match (name.ends_with(BEGUN), name.ends_with(MANIFEST)) {
        (true, _) => Some(MOST_BEGUN),
        (false, true) => Some(MOST_MANIFEST),
        (false, false) => None,
    }
}

/// Adds what a statement says; a reason, where it is not what was put.
fn read(path: &str, bytes: &[u8], stated: &mut AllStated) -> Result<(), Reason> {
    let wrong = |why: &dyn Display| unreadable(path, why);
    let key = |begun: &Begun| (begun.worker, begun.attempt.clone());
    if path.ends_with(BEGUN) {
        let begun = Begun::read(bytes, path).map_err(|why| wrong(&why))?;
        let one = stated.entry(key(&begun)).or_default();
        one.begun = Some(begun);
        return Ok(());
    }
    let manifest = Manifest::read(bytes, path).map_err(|why| wrong(&why))?;
    if let Some(what) = manifest.epochs.iter().find_map(impossible).or_else(|| twice(&manifest)) {
        return Err(wrong(&what));
    }
    let one = stated.entry(key(&manifest.begun)).or_default();
    one.manifest = Some(manifest);
    Ok(())
}

/// What of an epoch cannot be, before anything is planned by it.
fn impossible(epoch: &MeasuredEpoch) -> Option<String> {
    let MeasuredEpoch { head, origin_ns, telemetry, .. } = epoch;
    if !telemetry.is_sorted_by_key(|look| look.at) {
        return Some("its looks at its machine are in no order".to_owned());
    }
    let requests = head.case.workload.expected().unwrap_or_default();
    match (*origin_ns > LONGEST_WAIT_NS, requests > MOST_REQUESTS) {
        (true, _) => Some(format!("it says that {origin_ns} ns passed until its load began")),
        (false, true) => Some(format!("it says that {requests} requests were planned")),
        (false, false) => None,
    }
}

/// An epoch that is in it more than once.
fn twice(manifest: &Manifest) -> Option<String> {
    let mut known = BTreeSet::new();
    let epoch = manifest.epochs.iter().find(|it| !known.insert(EpochKey::of(&it.head)))?;
    let Head { case, epoch, .. } = &epoch.head;
    Some(format!("epoch {epoch} of {} is in it twice", case.id))
}

/// That a statement is not what was put, whose worker its path tells.
fn unreadable(path: &str, why: &dyn Display) -> Reason {
    let name = path.rsplit('/').next().unwrap_or(path);
    let number = name.strip_prefix(OURS).and_then(|name| name.split('.').next());
    let worker = number.and_then(|number| number.parse().ok()).unwrap_or_default();
    torn(worker, path, why)
}

/// That a file is not what its worker put. Others may have written what is told of it.
pub(super) fn torn(worker: u32, path: &str, why: &dyn Display) -> Reason {
    let short = |text: String| match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    };
    Reason::TornFile { worker, path: line(path), what: short(line(&why.to_string())) }
}

fn attempt(begun: Begun, parts: Option<Vec<Part>>) -> Attempt {
    let Begun { worker, of, attempt: name, tokgate, protocol, plan, host, clock, .. } = begun;
    let skew = |Clock { skew_s, uncertainty_s }| Skew { skew_s, uncertainty_s };
    Attempt { worker, of, name, tokgate, protocol, plan, host, clock: clock.map(skew), parts }
}

fn part(epoch: MeasuredEpoch) -> Part {
    let MeasuredEpoch {
        head,
        ending,
        validity,
        after,
        client,
        telemetry,
        late_s,
        origin_ns,
        requests: _,
        files: _,
    } = epoch;
    Part { head, ending, validity, after, client, telemetry, late_s, origin_ns }
}
