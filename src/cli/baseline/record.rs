//! `tokgate baseline record RUN...`: the baseline of this project, or another file, of stored runs.

use crate::baselines;
use crate::cli::baseline::home::Home;
use crate::cli::baseline::renewal::tell_marks;
use crate::cli::baseline::source::{Recording, Source};
use crate::cli::face::Face;
use crate::store::ids;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use tokgate_baseline::Baseline;
use tokgate_core::verdict::Exit;

/// Make the baseline of this project, or another file, of stored runs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Write this file instead of the project's
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    to: Option<PathBuf>,
    /// Save it under a name beside the results instead
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace what is there, without a comparison
    #[arg(long)]
    force: bool,
}

/// Writes one file for each scenario of the runs, or the one that was named.
///
/// # Errors
/// When the runs make no baseline, a file is there already, or cannot be written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let home = Home::find(args.source.results_dir.as_deref())?;
    let recording = args.source.read(&home.store()?, face)?;
    let files = args.files(&home, recording)?;
    if !args.force {
        files.iter().try_for_each(|(path, _)| args.refuse_to_replace(path))?;
    }
    for (path, baseline) in &files {
        baselines::put(path, baseline)?;
        face.say(&format!("recorded  {}", path.display()));
        tell_marks(baseline, face);
    }
    Ok(Exit::Held)
}

impl Args {
    /// Each baseline and where it goes.
    fn files(&self, home: &Home, recording: Recording) -> Result<Vec<(PathBuf, Baseline)>> {
        let told = match (&self.to, &self.name) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(name)) if !ids::is_plain(name) => {
                bail!("`{name}` is no name for a baseline: letters, digits, `.`, `_` and `-` only")
            }
            (None, Some(name)) => Some(home.layout.baseline_file(name)),
            (None, None) => None,
        };
        if let Some(path) = told {
            return Ok(vec![(path, self.source.baseline(recording)?)]);
        }
        let scenarios = self.source.by_scenario(recording)?;
        let place = |(scenario, baseline): (String, Baseline)| {
            Ok((home.recorded(&scenario, &baseline)?, baseline))
        };
        scenarios.into_iter().map(place).collect()
    }

    fn refuse_to_replace(&self, path: &Path) -> Result<()> {
        let is_recorded = self.to.is_none() && self.name.is_none();
        match (path.exists(), is_recorded) {
            (false, _) => Ok(()),
            (true, true) => bail!(
                "{} is there already: `tokgate baseline refresh` replaces it after a comparison, \
                 --force without one",
                path.display()
            ),
            (true, false) => {
                bail!("{} is there already: --force replaces it", path.display())
            }
        }
    }
}
