//! `tokgate export RUN --format parquet -o URL`: stored runs in the open, as a worker that was alone would have
//! put them.

use super::Args;
use crate::cli::face::Face;
use crate::cli::team;
use crate::config::Config;
use crate::project::Project;
use crate::rows::{
    Begun, EpochFiles, Facts, Manifest, MeasuredEpoch, Place, Put, Slice, VERSION, plan_digest,
    write_epoch,
};
use crate::store::{FileStore, Store, Stored};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tokgate_core::choice::{Filter, Provenance};
use tokgate_core::price::Prices;
use tokgate_core::summary::PROTOCOL;
use tokgate_core::verdict::Exit;

/// Which process put the rows of a run that was stored before.
const ATTEMPT: &str = "stored";

/// What became of the files of a run.
#[derive(Default)]
struct Tally {
    new: usize,
    there: usize,
    bytes: u64,
}

/// Puts the rows of the runs that are named, or of all that the filters take.
pub(super) fn write(args: &Args, face: &Face) -> Result<Exit> {
    let Some(out) = args.out.as_deref() else {
        bail!("say where rows are put: -o file:///the/folder, s3://bucket/prefix, gs:// or az://");
    };
    let project = Project::find(&std::env::current_dir()?);
    let prices = Prices { catalogue: Config::load(&project)?.catalogue, hourly_usd: None };
    let filter = args.only.filter(Timestamp::now())?;
    let filter = Filter { provenance: Some(Provenance::Measured), ..filter };
    let store = FileStore::open(team::layout(&project, args.results_dir.as_deref())?)?;
    let taken = store.taken(&filter, &prices)?.runs;
    let runs = wanted(args, &store, taken)?;
    if runs.is_empty() {
        face.tell("nothing is kept that was asked for: nothing was put");
        return Ok(Exit::Nothing);
    }
    let place = Place::make(out)?;
    for run in &runs {
        let epochs = store.show(run)?;
        let tally = put(&place, &epochs, &prices).with_context(|| format!("run {run}"))?;
        face.say(&told(run, &place, &tally));
    }
    Ok(Exit::Held)
}

/// The runs that are named and taken by the filters; without a name all that these take.
fn wanted(args: &Args, store: &FileStore, taken: BTreeSet<String>) -> Result<BTreeSet<String>> {
    let named = args.named.iter().map(|name| name.to_string_lossy().into_owned());
    let named: BTreeSet<String> = named.chain(args.run.clone()).collect();
    if named.is_empty() {
        return Ok(taken);
    }
    for name in &named {
        let epochs = store.show(name)?;
        if let Some(other) = epochs.iter().map(|it| &it.run.head.run_id).find(|it| *it != name) {
            bail!("{name} is one test: rows are put by run, and its run is {other}");
        }
    }
    Ok(named.intersection(&taken).cloned().collect())
}

/// Puts all of a run: that it has begun first, what was put last.
fn put(place: &Place, stored: &[Stored], prices: &Prices) -> Result<Tally> {
    let Some(first) = stored.first() else { bail!("it has no epochs") };
    let cases: BTreeMap<&str, _> =
        stored.iter().map(|it| (it.run.head.case.id.0.as_str(), &it.run.head.case)).collect();
    let begun = begun(first, plan_digest(cases.into_values())?);
    let mut tally = Tally::default();
    tally.count(place.put_new(&begun.path(), begun.to_bytes()?)?, 0);
    let folder = tempfile::tempdir().context("cannot make a folder for rows")?;
    let mut epochs = Vec::new();
    for stored in stored {
        let slice = Slice::of(&stored.run.head, begun.worker, ATTEMPT);
        let price = prices.stored(&stored.run.head.case.target);
        let facts = Facts { validity: &stored.validity, origin_ns: 0, price };
        let files = write_epoch(folder.path(), &slice, &stored.run, &facts)?;
        put_files(place, folder.path(), &files, &mut tally)?;
        epochs.push(MeasuredEpoch::of(&stored.run, &stored.validity, 0, files));
    }
    let manifest = Manifest { version: VERSION, begun, epochs };
    tally.count(place.put_new(&manifest.path(), manifest.to_bytes()?)?, 0);
    Ok(tally)
}

fn put_files(place: &Place, folder: &Path, files: &EpochFiles, tally: &mut Tally) -> Result<()> {
    for facts in files.all() {
        let file = folder.join(&facts.path);
        tally.count(place.put_file(facts, &file)?, facts.bytes);
        std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}

/// Nothing in it is of today, so that a run that is put again is the same to the byte.
fn begun(first: &Stored, plan: String) -> Begun {
    let head = &first.run.head;
    Begun {
        version: VERSION,
        run: head.run_id.clone(),
        worker: 0,
        of: 1,
        attempt: ATTEMPT.to_owned(),
        tokgate: head.environment.tool_version.clone(),
        protocol: PROTOCOL,
        plan,
        start_at_us: head.started_us,
        host: head.machine.0.clone(),
        clock: None,
    }
}

impl Tally {
    fn count(&mut self, put: Put, bytes: u64) {
        match put {
            Put::New => self.new += 1,
            Put::There => self.there += 1,
        }
        self.bytes += bytes;
    }
}

fn told(run: &str, place: &Place, tally: &Tally) -> String {
    let Tally { new, there, bytes } = tally;
    let beside = match there {
        0 => String::new(),
        there => format!(", {there} there already"),
    };
    format!("{run}: {new} objects at {}{beside}, {bytes} bytes of rows", place.url())
}
