//! `tokgate baseline refresh RUN...`: the recorded baseline replaced, unless something became worse.

use crate::baselines;
use crate::cli::baseline::home::Home;
use crate::cli::baseline::renewal::Renewal;
use crate::cli::baseline::source::Source;
use crate::cli::face::Face;
use crate::report::renewal::objections;
use anyhow::{Result, bail};
use clap::builder::NonEmptyStringValueParser;
use tokgate_core::diagnostic::escape;
use tokgate_core::verdict::Exit;

/// Replace the recorded baseline, unless something became worse.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Replace it although something became worse, for this reason, which the file keeps
    #[arg(long, value_name = "REASON", value_parser = NonEmptyStringValueParser::new())]
    accept_regression: Option<String>,
}

/// Shows what changes, and replaces the file of each scenario; of none where one is refused.
///
/// # Errors
/// When the runs make no baseline, none is recorded, or a file cannot be read or written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let home = Home::find(args.source.results_dir.as_deref())?;
    let recording = args.source.read(&home.store()?, face)?;
    let mut renewals = Renewal::all(&args.source, recording, &home)?;
    renewals.iter().try_for_each(refuse_to_begin)?;
    renewals.iter().for_each(|renewal| renewal.tell(face));
    let against: Vec<String> =
        renewals.iter().flat_map(|renewal| objections(&renewal.rows)).collect();
    match (&args.accept_regression, against.is_empty()) {
        (_, true) => {}
        (None, false) => {
            against.iter().for_each(|why| face.tell(&escape(&format!("refused: {why}"))));
            face.tell("nothing was written; --accept-regression REASON replaces it all the same");
            return Ok(Exit::Regressed);
        }
        (Some(reason), false) => renewals.iter_mut().for_each(|it| it.accept(reason)),
    }
    for renewal in &renewals {
        baselines::put(&renewal.path, &renewal.new)?;
        face.say(&format!("refreshed  {}", renewal.path.display()));
    }
    Ok(Exit::Held)
}

fn refuse_to_begin(renewal: &Renewal) -> Result<()> {
    match renewal.old {
        Some(_) => Ok(()),
        None => bail!(
            "there is no {} to refresh: `tokgate baseline record` makes the first one",
            renewal.path.display()
        ),
    }
}

impl Renewal {
    /// Keeps why it was replaced although something became worse.
    fn accept(&mut self, reason: &str) {
        if objections(&self.rows).is_empty() {
            return;
        }
        let kept = &mut self.new.provenance.reason;
        if !kept.is_empty() {
            kept.push_str("; ");
        }
        kept.push_str(&format!("accepted regression: {reason}"));
    }
}
