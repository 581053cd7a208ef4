//! `tokgate baseline propose RUN...`: a new baseline and the text of its pull request, beside what
//! is committed.

use crate::baselines;
use crate::cli::baseline::home::Home;
use crate::cli::baseline::renewal::Renewal;
use crate::cli::baseline::source::Source;
use crate::cli::face::Face;
use crate::report::proposal::{Proposal, markdown};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokgate_core::run::Head;
use tokgate_core::verdict::Exit;

/// Write a new baseline and the text of its pull request beside what is committed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Folder for both instead of `results/proposals/MACHINE`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Writes two files for each scenario of the runs, and touches no recorded one.
///
/// # Errors
/// When the runs make no baseline, a recorded one cannot be read, or a file cannot be written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let home = Home::find(args.source.results_dir.as_deref())?;
    if let Some(folder) = &args.out {
        refuse_committed(folder, &home)?;
    }
    let recording = args.source.read(&home.store()?, face)?;
    let runs = recording.runs();
    let renewals = Renewal::all(&args.source, recording, &home)?;
    for renewal in &renewals {
        renewal.tell(face);
        let file = args.file(renewal, &home)?;
        let text = file.with_extension("md");
        baselines::put(&file, &renewal.new)?;
        baselines::put_text(&text, &renewal.told(&runs))?;
        face.say(&format!("proposed  {}\n          {}", file.display(), text.display()));
    }
    Ok(Exit::Held)
}

impl Args {
    fn file(&self, renewal: &Renewal, home: &Home) -> Result<PathBuf> {
        let machine = &renewal.new.provenance.machine;
        let file = baselines::place_in(&home.layout.proposals(), machine, &renewal.scenario)?;
        let name = file.file_name().unwrap_or_default();
        Ok(self.out.as_ref().map_or(file.clone(), |folder| folder.join(name)))
    }
}

impl Renewal {
    /// The text of the pull request, with those of `runs` that this baseline was made from.
    fn told(&self, runs: &[Head]) -> String {
        let own = &self.new.provenance.runs;
        let runs: Vec<&Head> = runs.iter().filter(|head| own.contains(&head.run_id)).collect();
        markdown(&Proposal {
            scenario: &self.scenario,
            new: &self.new,
            old: self.old.as_ref(),
            rows: &self.rows,
            runs: &runs,
            tool_version: env!("CARGO_PKG_VERSION"),
        })
    }
}

/// A proposal is not what is committed: that is for whoever reads it to decide.
fn refuse_committed(folder: &Path, home: &Home) -> Result<()> {
    let Some(root) = home.project.root.as_deref() else { return Ok(()) };
    let absolute = |path: &Path| {
        let whole = path.canonicalize().or_else(|_| std::path::absolute(path));
        whole.with_context(|| format!("there is no folder called {}", path.display()))
    };
    let (folder, committed) = (absolute(folder)?, absolute(&baselines::recorded_folder(root))?);
    match folder.starts_with(&committed) {
        true => bail!(
            "{} is where recorded baselines are committed: propose elsewhere, or use `tokgate baseline \
             refresh`",
            folder.display()
        ),
        false => Ok(()),
    }
}
