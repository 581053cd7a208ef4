//! `tokgate import FILE…`: results of other tools, kept beside ours and judged never.

use crate::cli::face::Face;
use crate::cli::{brought, team, written};
use crate::imports::{self, BadEntry, Found, Read, UNKNOWN};
use crate::project::Project;
use crate::report::comparison;
use crate::store::team::Team;
use crate::store::{FileStore, Kept, Layout, Store, imported_run};
use anyhow::{Result, anyhow, bail};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use tokgate_core::diagnostic::line as on_one_line;
use tokgate_core::imported::Imported;
use tokgate_core::verdict::Exit;

/// Largest file that is read.
const LARGEST: u64 = 256 << 20;
/// Stands for what is handed in on stdin.
const STDIN: &str = "-";
/// Bad entries of a file that are told in text; as JSON all are.
const TOLD_BAD: usize = 50;
/// As many digits of a digest tell results apart.
const DIGITS: usize = 16;
/// Where an SQLite file's log keeps what is not in the file yet.
const LOG: &str = "-wal";

/// Keep results of other tools beside ours: told and compared, judged never.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of other tools; `-` for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Read each file as one of this format, where it is not recognised
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    #[command(flatten)]
    unsaid: Unsaid,
    /// Only say what would be kept
    #[arg(long)]
    dry_run: bool,
    /// Exit 2 where any entry cannot be read
    #[arg(long)]
    strict: bool,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// What a file may leave unsaid. Where it says it, the file is believed.
#[derive(Debug, clap::Args)]
struct Unsaid {
    /// How the model was served, where a file does not say it: vllm-serve, ollama, ...
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// The model, where a file does not say it
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// What the machine is rented as, where a file does not say it: g1-gpu-rtx6000-2
    #[arg(long, value_name = "NAME")]
    gpu_type: Option<String>,
    /// What an hour of the machine costs, USD, where a file does not say it
    #[arg(long, value_name = "USD", value_parser = usd)]
    hourly_cost: Option<f64>,
}

fn usd(text: &str) -> Result<f64, String> {
    let cost = text.parse().ok().filter(|cost: &f64| cost.is_finite() && *cost >= 0.0);
    cost.ok_or_else(|| "expected US dollars an hour, such as 3.00".to_owned())
}

impl Unsaid {
    fn fill(&self, result: &mut Imported) {
        let unsaid = |name: &str| name.is_empty() || name == UNKNOWN;
        let Imported { platform, model, hardware, .. } = result;
        for (name, given) in [(platform, &self.platform), (&mut model.name, &self.model)] {
            if let Some(given) = given.as_ref().filter(|_| unsaid(name)) {
                name.clone_from(given);
            }
        }
        hardware.instance = hardware.instance.take().or_else(|| self.gpu_type.clone());
        hardware.hourly_usd = hardware.hourly_usd.or(self.hourly_cost);
    }
}

/// What became of one file.
#[derive(Debug, Serialize)]
struct Told {
    file: String,
    format: Option<&'static str>,
    new: u64,
    known: u64,
    test_ids: Vec<String>,
    bad: Vec<ToldEntry>,
    /// Why nothing of it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct ToldEntry {
    place: String,
    why: String,
}

impl Told {
    fn of(file: &Path) -> Self {
        let file = on_one_line(&file.display().to_string());
        let (format, error) = (None, None);
        Self { file, format, new: 0, known: 0, test_ids: Vec::new(), bad: Vec::new(), error }
    }

    fn is_unread(&self) -> bool {
        self.error.is_some() || (self.new + self.known == 0 && !self.bad.is_empty())
    }
}

/// Reads each file, keeps what is new in it, and says what is not.
///
/// # Errors
/// When a format is named that there is not, or the store cannot be opened or written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    refuse_unknown_format(args.format.as_deref())?;
    let mut keeper = Keeper::new(args)?;
    let mut told = Vec::new();
    for file in &args.files {
        told.push(one(file, args, &mut keeper)?);
    }
    keeper.finish()?;
    tell(&told, args, face);
    brought::bring(keeper.team.as_ref(), &keeper.layout, &keeper.runs, face);
    Ok(exit(&told, args.strict))
}

fn refuse_unknown_format(named: Option<&str>) -> Result<()> {
    let known = imports::format_names();
    match named.filter(|named| !known.contains(named)) {
        None => Ok(()),
        Some(named) => bail!("--format {named}: the formats are {}", known.join(", ")),
    }
}

fn exit(told: &[Told], strict: bool) -> Exit {
    let is_bad = |told: &Told| told.is_unread() || (strict && !told.bad.is_empty());
    if told.iter().any(is_bad) { Exit::Usage } else { Exit::Held }
}

fn one(file: &Path, args: &Args, keeper: &mut Keeper<'_>) -> Result<Told> {
    let mut told = Told::of(file);
    let read = bytes(file).and_then(|bytes| {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        let alone = recognised(&name, &bytes, args.format.as_deref())?;
        let mut read = with_the_one_beside(file, &name, &bytes).unwrap_or(alone);
        read.found.bad.extend(unfolded(file, &bytes));
        Ok(read)
    });
    match read {
        Err(why) => told.error = Some(on_one_line(&why.to_string())),
        Ok(Read { format, found }) => {
            told.format = Some(format);
            keep(found, args, keeper, &mut told)?;
        }
    }
    Ok(told)
}

fn keep(found: Found, args: &Args, keeper: &mut Keeper<'_>, told: &mut Told) -> Result<()> {
    for mut result in found.results {
        args.unsaid.fill(&mut result);
        match keeper.keep(&result)? {
            Became::New(test_id) => {
                told.new += 1;
                told.test_ids.extend(test_id);
            }
            Became::Known(test_id) => {
                told.known += 1;
                told.test_ids.push(test_id);
            }
        }
    }
    let entry =
        |BadEntry { place, why }| ToldEntry { place: on_one_line(&place), why: on_one_line(&why) };
    told.bad.extend(found.bad.into_iter().map(entry));
    Ok(())
}

/// What is in a file.
pub(super) fn bytes(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == Path::new(STDIN) {
        let read = std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes);
        // Said in words alone: what cannot be read is the user's, and no fault of ours.
        read.map_err(|why| anyhow!("stdin cannot be read: {why}"))?;
    } else {
        let mut open = || {
            let is_file = std::fs::metadata(file)?.is_file();
            if is_file {
                std::fs::File::open(file)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
            }
            Ok::<bool, std::io::Error>(is_file)
        };
        match open() {
            Ok(true) => {}
            Ok(false) => bail!("it is no regular file"),
            Err(why) => bail!("it cannot be read: {why}"),
        }
    }
    match bytes.len() as u64 > LARGEST {
        true => bail!("it is larger than {} MiB", LARGEST >> 20),
        false => Ok(bytes),
    }
}

/// What a file of results holds.
pub(super) fn recognised(name: &str, bytes: &[u8], format: Option<&str>) -> Result<Read> {
    if bytes.is_empty() {
        bail!("it is empty");
    }
    imports::read_as(name, bytes, format).ok_or_else(|| unrecognised(bytes))
}

/// The same with the file in front that says what it is of, where there is one beside it.
fn with_the_one_beside(file: &Path, name: &str, text: &[u8]) -> Option<Read> {
    let beside = bytes(&file.with_file_name(imports::beside(name)?)).ok()?;
    let read = imports::read_as(name, &[&beside, text].concat(), None)?;
    read.found.bad.is_empty().then_some(read)
}

fn unrecognised(bytes: &[u8]) -> anyhow::Error {
    let known = imports::format_names().join(", ");
    let text = bytes.trim_ascii_start();
    let torn = match text.first() {
        Some(b'{' | b'[') => serde_json::from_slice::<serde::de::IgnoredAny>(text).err(),
        _ => None,
    };
    match torn {
        Some(why) => anyhow!("it is torn, or no JSON: {why}"),
        None => anyhow!("it is of no format that is known; `--format` names one of {known}"),
    }
}

/// What an SQLite file's log holds is not in the file.
fn unfolded(file: &Path, bytes: &[u8]) -> Option<BadEntry> {
    let mut log = file.as_os_str().to_owned();
    log.push(LOG);
    let held =
        bytes.starts_with(b"SQLite format 3\0").then(|| std::fs::metadata(&log).ok())??.len();
    (held > 0).then(|| BadEntry {
        place: Path::new(&log).display().to_string(),
        why: "rows in it are not in the file yet: close whatever has the database open, and import again"
            .to_owned(),
    })
}

/// What became of a result.
enum Became {
    /// Kept, under this test id; without one where nothing is to be kept.
    New(Option<String>),
    Known(String),
}

/// Where results go; opened once there is one.
struct Keeper<'a> {
    args: &'a Args,
    layout: Layout,
    store: Option<FileStore>,
    team: Option<Team>,
    /// What is kept, for a team's store.
    runs: Vec<String>,
    /// The digests under which our own epochs come back from an export, with their test ids.
    ours: BTreeMap<String, String>,
    /// What is new so far, where nothing is kept.
    seen: BTreeMap<String, String>,
}

impl<'a> Keeper<'a> {
    fn new(args: &'a Args) -> Result<Self> {
        let project = Project::find(&std::env::current_dir()?);
        let root = args.results_dir.clone().map_or_else(|| project.results(), Ok)?;
        Ok(Self {
            args,
            layout: Layout::new(root),
            store: None,
            team: team::meant(&project)?,
            runs: Vec::new(),
            ours: BTreeMap::new(),
            seen: BTreeMap::new(),
        })
    }

    fn keep(&mut self, result: &Imported) -> Result<Became> {
        self.open()?;
        let digest = &result.source.digest;
        let digest = digest.get(..DIGITS).unwrap_or(digest);
        if let Some(test_id) = self.ours.get(digest).or_else(|| self.seen.get(digest)) {
            return Ok(Became::Known(test_id.clone()));
        }
        let Some(store) = &mut self.store else {
            self.seen.insert(digest.to_owned(), String::new());
            return Ok(Became::New(None));
        };
        if self.args.dry_run {
            return Ok(match store.known_import(result)? {
                Some(test_id) => Became::Known(test_id),
                None => {
                    self.seen.insert(digest.to_owned(), String::new());
                    Became::New(None)
                }
            });
        }
        let kept = written::keep(store, result)?;
        self.runs.push(imported_run(&result.source.digest));
        Ok(match kept {
            Kept::New(test_id) => Became::New(Some(test_id)),
            Kept::Known(test_id) => Became::Known(test_id),
        })
    }

    /// Opens the store; a rehearsal makes none.
    fn open(&mut self) -> Result<()> {
        if self.store.is_some() || (self.args.dry_run && !self.layout.database().exists()) {
            return Ok(());
        }
        let store = FileStore::open(self.layout.clone())?;
        for epoch in store.epochs(usize::MAX)? {
            let mut digest = imports::digest_of_epoch(&epoch.test_id);
            digest.truncate(DIGITS);
            self.ours.insert(digest, epoch.test_id);
        }
        self.store = Some(store);
        Ok(())
    }

    /// Writes what is made from all results together.
    fn finish(&mut self) -> Result<()> {
        match &mut self.store {
            Some(store) if !self.args.dry_run => Ok(store.finish_run(&comparison::markdown)?),
            _ => Ok(()),
        }
    }
}

fn tell(told: &[Told], args: &Args, face: &Face) {
    if args.json {
        let sum = |count: fn(&Told) -> u64| told.iter().map(count).sum::<u64>();
        face.say(
            &json!({
                "schema_version": 1,
                "dry_run": args.dry_run,
                "new": sum(|told| told.new),
                "known": sum(|told| told.known),
                "bad": sum(|told| told.bad.len() as u64),
                "files": told,
            })
            .to_string(),
        );
    } else {
        told.iter().for_each(|told| face.say(&lines(told, args.dry_run)));
    }
    let bad: usize = told.iter().map(|told| told.bad.len()).sum();
    if bad > 0 {
        let (noun, was) = if bad == 1 { ("entry", "was") } else { ("entries", "were") };
        face.tell(&format!("warning: {bad} {noun} could not be read and {was} left out"));
    }
}

fn lines(told: &Told, dry_run: bool) -> String {
    let Told { file, new, known, bad, .. } = told;
    let Some(format) = told.format else {
        let why = told.error.as_deref().unwrap_or_default();
        return format!("{file}: {why}");
    };
    let would = if dry_run { "would be new" } else { "new" };
    let mut text =
        format!("{file}: {format}, {new} {would}, {known} known already, {} bad", bad.len());
    for ToldEntry { place, why } in bad.iter().take(TOLD_BAD) {
        // Writing into a text cannot fail.
        let _ = write!(text, "\n  {place}: {why}");
    }
    match bad.len().saturating_sub(TOLD_BAD) {
        0 => text,
        more => format!("{text}\n  and {more} more; `--json` tells all"),
    }
}
