//! Pushing what waits: only what is not there yet, however often it is done.

use crate::push::{PART, PushError, Server};
use crate::store::atomic::doing;
use crate::store::outbox::{Held, PAUSES, raw_files_of, refuse_unknown, waiting_for};
use crate::store::received::Announced;
use crate::store::{Fingerprint, Layout};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::AddAssign;
use std::path::Path;
use std::time::Instant;

/// How often a server may say that it has less than it said before.
const LOST: usize = 3;

/// What was pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Runs that are there whole now.
    pub runs: usize,
    /// Files of raw lines that were not there.
    pub files: usize,
    /// Bytes that were sent.
    pub bytes: u64,
    /// Runs that somebody measures or delivers at this moment.
    pub busy: usize,
    /// What could not be pushed, and why.
    pub left: Vec<String>,
}

impl AddAssign for Pushed {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.files += other.files;
        self.bytes += other.bytes;
        self.busy += other.busy;
        self.left.extend(other.left);
    }
}

/// Pushes what waits for this server, or the one run that is named, whether or not it waits.
///
/// # Errors
/// When the outbox or the index cannot be read, or the server cannot be reached.
pub fn push(layout: &Layout, server: &Server, run: Option<&str>) -> Result<Pushed, PushError> {
    let runs = match run {
        Some(run) => {
            refuse_unknown(layout, run)?;
            vec![run.to_owned()]
        }
        None => waiting_for(layout, server.place())?,
    };
    let mut pushed = Pushed::default();
    for run in runs {
        match Held::note(layout, server.place(), &run)? {
            Some(held) => pushed += whole(layout, server, &run, held, None)?,
            None => pushed.busy += 1,
        }
    }
    Ok(pushed)
}

/// Pushes all of a run, and takes its note away when the server has it. What the server refuses is left; so is
/// what is not there by `until`.
pub(super) fn whole(
    layout: &Layout,
    server: &Server,
    run: &str,
    held: Held,
    until: Option<Instant>,
) -> Result<Pushed, PushError> {
    let mut pushed = Pushed::default();
    match all_of(layout, server, run, until, &mut pushed) {
        Ok(()) => {
            held.done()?;
            pushed.runs = 1;
        }
        Err(PushError::Refused { why, .. }) => pushed.left.push(format!("{run}: {why}")),
        Err(error) => return Err(error),
    }
    Ok(pushed)
}

fn all_of(
    layout: &Layout,
    server: &Server,
    run: &str,
    until: Option<Instant>,
    pushed: &mut Pushed,
) -> Result<(), PushError> {
    let files = raw_files_of(layout, run)?;
    for (test_id, path) in &files {
        let file = Fingerprint::of_file(path)?;
        let announced = Announced { test_id: test_id.clone(), file };
        let sent = send(server, &announced, path, until)?;
        pushed.files += usize::from(sent > 0);
        pushed.bytes += sent;
    }
    if files.is_empty() {
        // Whoever noted it was stopped before anything was measured.
        return Ok(());
    }
    let there = patiently(until, || server.conclude(run))?.epochs;
    match there >= files.len() {
        true => Ok(()),
        false => Err(PushError::Refused {
            place: server.place().to_owned(),
            why: format!("it says that it has {there} of {} epochs", files.len()),
        }),
    }
}

/// Sends what is missing of a file, and says how many bytes that were.
fn send(
    server: &Server,
    announced: &Announced,
    path: &Path,
    until: Option<Instant>,
) -> Result<u64, PushError> {
    let mut source = File::open(path).map_err(doing("read", path))?;
    let (mut sent, mut lost) = (0, 0);
    let mut here = patiently(until, || server.part(announced, 0, Vec::new()))?;
    while here < announced.file.bytes {
        if is_over(until) {
            return Err(PushError::Late(server.place().to_owned()));
        }
        let part = part_of(&mut source, here).map_err(doing("read", path))?;
        let length = part.len() as u64;
        let further = patiently(until, || server.part(announced, here, part.clone()))?;
        // Somebody else may send the same, or the server was told to forget it.
        lost += usize::from(further <= here);
        if lost > LOST || length == 0 {
            return Err(PushError::Unreachable {
                place: server.place().to_owned(),
                why: format!("it has {further} bytes of {} and takes no more", announced.test_id),
            });
        }
        sent += further.saturating_sub(here);
        here = further;
    }
    Ok(sent)
}

/// The next part of a file.
fn part_of(source: &mut File, offset: u64) -> std::io::Result<Vec<u8>> {
    source.seek(SeekFrom::Start(offset))?;
    let mut part = Vec::new();
    source.take(PART).read_to_end(&mut part)?;
    Ok(part)
}

/// Asks a server that is starting again at this moment some times more, not after `until`.
fn patiently<T>(
    until: Option<Instant>,
    ask: impl Fn() -> Result<T, PushError>,
) -> Result<T, PushError> {
    for pause in PAUSES {
        match ask() {
            Err(PushError::Unreachable { .. }) if !is_over(until) => std::thread::sleep(pause),
            answered => return answered,
        }
    }
    ask()
}

fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}
