//! `tokgate watch`: a run as it goes on, looked at from another terminal.

use crate::cli::face::Face;
use crate::live::{self, LookError, Snapshot, State};
use crate::project::Project;
use crate::report::live::{changes, screen};
use crate::store::Layout;
use anyhow::{Result, bail};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;
use tokgate_core::verdict::Exit;

/// Time between two looks; a snapshot comes once a second.
const EVERY: Duration = Duration::from_millis(500);

/// Look on while a run is measured: drawn again each second on a terminal, else a line for what changes.
/// It ends with the run: 0 when that ended, 3 when it was interrupted.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run; the newest that is being measured where none is named
    run: Option<String>,
    /// Look once, and end
    #[arg(long)]
    once: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Looks on until the run ends.
///
/// # Errors
/// When nobody tells of the run, or what is told cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = Layout::new(project.stored(args.results_dir.as_deref())?);
    let Some(run) = named(args, &layout)? else {
        face.tell("nothing is being measured here; `tokgate list` shows what was");
        return Ok(Exit::Nothing);
    };
    let mut screen = Screen::new();
    loop {
        let Some(seen) = live::look(&layout, &run)? else {
            bail!(
                "nobody tells of a run `{run}` any more; `tokgate show {run}` shows what was kept"
            );
        };
        let (state, is_part) = (seen.state, seen.part.is_some());
        screen.show(seen, face);
        match state {
            State::Ended => return Ok(Exit::Held),
            State::Interrupted => {
                face.tell(&match is_part {
                    true => "what a worker had lies in `parts` of its results: `tokgate export --parts FOLDER` \
                             puts it"
                        .to_owned(),
                    false => {
                        format!("`tokgate run --resume {run}` measures what is missing, if it can be")
                    }
                });
                return Ok(Exit::Invalid);
            }
            State::Running if args.once => return Ok(Exit::Held),
            State::Running => std::thread::sleep(EVERY),
        }
    }
}

/// The run that is looked at: the one that is named, else the newest that goes on.
fn named(args: &Args, layout: &Layout) -> Result<Option<String>> {
    let Some(run) = &args.run else {
        let going = live::list(layout).map_err(LookError::from)?;
        let mut going = going.into_iter().filter(|run| run.state == State::Running);
        return Ok(going.next().map(|run| run.run_id));
    };
    match live::look(layout, run)? {
        Some(_) => Ok(Some(run.clone())),
        None => bail!(
            "nobody tells of a run `{run}`: it is none, or long over; `tokgate show {run}` shows what \
             was kept"
        ),
    }
}

/// Where what is seen is written: over itself on a terminal, below what was else.
struct Screen {
    draws: bool,
    /// Lines that are drawn.
    height: usize,
    before: Option<Snapshot>,
}

impl Screen {
    fn new() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let draws = std::io::stdout().is_terminal() && !dumb;
        Self { draws, height: 0, before: None }
    }

    fn show(&mut self, run: Snapshot, face: &Face) {
        if self.draws {
            self.draw(&screen(&run, face.out));
        } else {
            changes(self.before.as_ref(), &run).iter().for_each(|line| face.say(line));
        }
        self.before = Some(run);
    }

    /// Draws over what was drawn before. Lines that are too long are cut by the terminal, so that their
    /// number is what it seems.
    fn draw(&mut self, text: &str) {
        let up = if self.height > 0 { format!("\u{1b}[{}F", self.height) } else { String::new() };
        self.height = text.lines().count();
        let mut out = std::io::stdout().lock();
        // A terminal that is gone ends us by its signal.
        let _ = write!(out, "\u{1b}[?7l{up}\u{1b}[J{text}\u{1b}[?7h").and_then(|()| out.flush());
    }
}
