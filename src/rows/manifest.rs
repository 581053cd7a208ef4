//! What a worker says of itself: that it has begun, and at its end all that it has put, for whoever reads the
//! rows. Read strictly: what is not as this version writes it is refused by name.

use super::schema::{EPOCHS, EVENTS, REQUESTS};
use super::slice::{self, Slice};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokgate_core::case::Case;
use tokgate_core::record::{Phase, Record};
use tokgate_core::run::{ClientCost, Ending, Head, Run, TargetAfter, TelemetrySample};
use tokgate_core::validity::Validity;

/// Number of the shape of what workers say.
pub const VERSION: u32 = 1;

/// Looks at a machine in a manifest at most: more than a day of them, ten a second.
const MOST_LOOKS: usize = 1 << 20;
/// Looks at its GPUs at most: there are mostly eight.
const MOST_CARDS: usize = 8 * MOST_LOOKS;

/// Why what a worker says is not believed.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// From another version.
    #[error(
        "it is written in version {0}, and this tokgate reads {VERSION}: use the one that wrote it"
    )]
    Version(u64),
    /// Not JSON, or not what it should be.
    #[error("it is not what a worker writes: {0}")]
    Shape(#[from] serde_json::Error),
    /// It says something that cannot be.
    #[error("{0}")]
    Content(String),
}

/// How far a worker's wall clock is from the store's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Ours − the store's, seconds.
    pub skew_s: f64,
    /// How much of that may be the measurement's own, seconds.
    pub uncertainty_s: f64,
}

/// That a worker has begun: put before the common start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// Number of the shape.
    pub version: u32,
    /// The invocation, the same for all its workers.
    pub run: String,
    /// Which worker, from 0.
    pub worker: u32,
    /// Of how many.
    pub of: u32,
    /// Which process.
    pub attempt: String,
    /// Version of tokgate.
    pub tokgate: String,
    /// Number of the measurement protocol.
    pub protocol: u32,
    /// A checksum of what is to be measured; see [`plan_digest`].
    pub plan: String,
    /// The common start, microseconds since 1970.
    pub start_at_us: i64,
    /// The host's name.
    pub host: String,
    /// Its clock; absent where it was not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
}

/// A file that was put: enough to see whether it is still that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFacts {
    /// Where, beneath the place's URL.
    pub path: String,
    /// How long.
    pub bytes: u64,
    /// How many rows.
    pub rows: u64,
    /// CRC-32 of all its bytes (that of zip and gzip).
    pub crc32: u32,
}

/// The files of one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochFiles {
    /// A row a request.
    pub requests: FileFacts,
    /// A row an event.
    pub events: FileFacts,
    /// The one row about the epoch.
    pub epoch: FileFacts,
}

impl EpochFiles {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> [&FileFacts; 3] {
        [&self.requests, &self.events, &self.epoch]
    }
}

/// Requests by phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseCounts {
    /// To warm the target up.
    pub warmup: u64,
    /// Of a search.
    pub probe: u64,
    /// Those that count.
    pub measured: u64,
}

impl PhaseCounts {
    /// Of these records.
    #[must_use]
    pub fn of(records: &[Record]) -> Self {
        let mut counts = Self::default();
        records.iter().for_each(|record| counts.add(record.phase));
        counts
    }

    /// Counts one more.
    pub fn add(&mut self, phase: Phase) {
        match phase {
            Phase::Warmup => self.warmup += 1,
            Phase::Probe => self.probe += 1,
            Phase::Measured => self.measured += 1,
        }
    }

    /// All phases together.
    #[must_use]
    pub fn all(self) -> u64 {
        self.warmup.saturating_add(self.probe).saturating_add(self.measured)
    }
}

/// One epoch of a worker: all of a [`Run`] but its requests, and where those are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredEpoch {
    /// Who it is.
    pub head: Head,
    /// How it ended.
    pub ending: Ending,
    /// Whether it may be judged.
    pub validity: Validity,
    /// The target afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<TargetAfter>,
    /// What the load cost us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientCost>,
    /// The machine while measuring, by the worker's own clock.
    pub telemetry: Vec<TelemetrySample>,
    /// How long after its planned moment the load began, seconds; absent where there was no such moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_s: Option<f64>,
    /// The load's common beginning on the worker's own clock: what was taken from every time of its rows.
    pub origin_ns: u64,
    /// How many requests.
    pub requests: PhaseCounts,
    /// Its files.
    pub files: EpochFiles,
}

impl MeasuredEpoch {
    /// An epoch as it was measured or stored, with the files of its rows.
    #[must_use]
    pub fn of(run: &Run, validity: &Validity, origin_ns: u64, files: EpochFiles) -> Self {
        Self {
            head: run.head.clone(),
            ending: run.ending.clone(),
            validity: validity.clone(),
            after: run.after.clone(),
            client: run.client,
            telemetry: run.telemetry.clone(),
            late_s: None,
            origin_ns,
            requests: PhaseCounts::of(&run.records),
            files,
        }
    }
}

/// All that a worker has put: the last object that it puts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Number of the shape.
    pub version: u32,
    /// Who it is.
    pub begun: Begun,
    /// Its epochs, in the order in which they were measured.
    pub epochs: Vec<MeasuredEpoch>,
}

impl Begun {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> String {
        slice::begun(&self.run, self.worker, &self.attempt)
    }

    /// As it is put.
    ///
    /// # Errors
    /// When a value is none that JSON has.
    pub fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        bytes(self)
    }

    /// Reads what lies at `path`.
    ///
    /// # Errors
    /// When it is of another version, or not what belongs there.
    pub fn read(bytes: &[u8], path: &str) -> Result<Self, ManifestError> {
        is_of_version(bytes)?;
        let begun: Self = serde_json::from_slice(bytes)?;
        begun.checked()?;
        at(path, &begun.path())?;
        Ok(begun)
    }

    fn checked(&self) -> Result<(), ManifestError> {
        if self.version != VERSION {
            return Err(ManifestError::Version(self.version.into()));
        }
        if self.worker >= self.of {
            return Err(content(format!(
                "it says that it is worker {} of {}",
                self.worker, self.of
            )));
        }
        match self.clock.filter(|clock| clock.uncertainty_s < 0.0) {
            Some(Clock { uncertainty_s, .. }) => Err(content(format!(
                "it says that its clock is known to {uncertainty_s} s, which is less than exactly"
            ))),
            None => Ok(()),
        }
    }
}

impl Manifest {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> String {
        slice::manifest(&self.begun.run, self.begun.worker, &self.begun.attempt)
    }

    /// As it is put.
    ///
    /// # Errors
    /// When a value is none that JSON has.
    pub fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        bytes(self)
    }

    /// Reads what lies at `path`.
    ///
    /// # Errors
    /// When it is of another version, or not what belongs there: also where it names a file that is not its own.
    pub fn read(bytes: &[u8], path: &str) -> Result<Self, ManifestError> {
        is_of_version(bytes)?;
        is_moderate(bytes)?;
        let manifest: Self = serde_json::from_slice(bytes)?;
        manifest.begun.checked()?;
        at(path, &manifest.path())?;
        manifest.epochs.iter().try_for_each(|epoch| manifest.owns(epoch))?;
        Ok(manifest)
    }

    /// Whose rows an epoch's are.
    #[must_use]
    pub fn slice(&self, epoch: &MeasuredEpoch) -> Slice {
        Slice::of(&epoch.head, self.begun.worker, &self.begun.attempt)
    }

    fn owns(&self, epoch: &MeasuredEpoch) -> Result<(), ManifestError> {
        let (slice, files) = (self.slice(epoch), &epoch.files);
        if slice.run != self.begun.run {
            return Err(content(format!("an epoch of run `{}` is in it", slice.run)));
        }
        let tables = [(&files.requests, REQUESTS), (&files.events, EVENTS), (&files.epoch, EPOCHS)];
        tables.iter().try_for_each(|(file, table)| at(&file.path, &slice.path(table)))?;
        match epoch.requests.all() == files.requests.rows {
            true => Ok(()),
            false => Err(content(format!(
                "{} requests are counted, and {} has {} rows",
                epoch.requests.all(),
                files.requests.path,
                files.requests.rows
            ))),
        }
    }
}

/// A checksum of what is to be measured: the cases as they are resolved, in their order.
///
/// # Errors
/// When a case has a number that JSON has not.
pub fn plan_digest<'a>(cases: impl IntoIterator<Item = &'a Case>) -> serde_json::Result<String> {
    let mut digest = Sha256::new();
    for case in cases {
        digest.update(serde_json::to_vec(case)?);
        digest.update(b"\n");
    }
    Ok(crate::hex::digits(&digest.finalize()))
}

fn bytes<T: Serialize>(what: &T) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(what)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Only the number, so that what another version wrote is told as that.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

fn is_of_version(bytes: &[u8]) -> Result<(), ManifestError> {
    let Versioned { version } = serde_json::from_slice(bytes)?;
    match version == u64::from(VERSION) {
        true => Ok(()),
        false => Err(ManifestError::Version(version)),
    }
}

/// Only the looks at machines: a look that says nothing is ten bytes of JSON and hundreds in memory.
#[derive(Deserialize)]
struct Outline<T> {
    epochs: Vec<Looks<T>>,
}

#[derive(Deserialize)]
struct Looks<T> {
    telemetry: Vec<T>,
}

/// Only the GPUs of a look.
#[derive(Deserialize)]
struct Cards {
    #[serde(default)]
    gpus: Vec<IgnoredAny>,
}

/// Whether what it says of machines is so little that it can be read.
fn is_moderate(bytes: &[u8]) -> Result<(), ManifestError> {
    let Outline::<IgnoredAny> { epochs } = serde_json::from_slice(bytes)?;
    let looks: usize = epochs.iter().map(|it| it.telemetry.len()).sum();
    if looks > MOST_LOOKS {
        return Err(content(format!(
            "it has {looks} looks at its machine, and {MOST_LOOKS} are as many as it can have"
        )));
    }
    let Outline::<Cards> { epochs } = serde_json::from_slice(bytes)?;
    let cards = epochs.iter().flat_map(|it| &it.telemetry).map(|it| it.gpus.len()).sum::<usize>();
    match cards <= MOST_CARDS {
        true => Ok(()),
        false => Err(content(format!(
            "it has {cards} looks at GPUs, and {MOST_CARDS} are as many as it can have"
        ))),
    }
}

fn at(path: &str, belongs: &str) -> Result<(), ManifestError> {
    match path == belongs {
        true => Ok(()),
        false => Err(content(format!("`{path}` stands where `{belongs}` belongs"))),
    }
}

fn content(what: String) -> ManifestError {
    ManifestError::Content(what)
}
