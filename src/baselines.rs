//! Where baselines are kept, and which one a run is compared with.

use crate::store::{Layout, atomic};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokgate_baseline::Baseline;
use tokgate_core::environment::MachineId;
use tokgate_core::report::ComparedWith;

/// Largest baseline file that is read: a thousand cases of fifty metrics fit.
const LARGEST: u64 = 64 << 20;

/// What a run shall be compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This one; its absence is an error.
    Strict(String),
    /// This one, if it is there.
    Lenient(String),
    /// The recorded one of this machine and scenario, if there is one.
    Recorded,
}

/// A baseline, or the lack of one, in words.
#[derive(Debug, Clone)]
pub struct Found {
    /// The baseline.
    pub baseline: Option<Baseline>,
    /// Which one it is, or why there is none.
    pub compared_with: ComparedWith,
}

/// The folders that baselines are looked for in.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    /// The project, which holds `baseline/recorded/`.
    pub project: Option<&'a Path>,
    /// The results, which hold the saved ones.
    pub layout: &'a Layout,
    /// The machine's key.
    pub machine: &'a MachineId,
}

impl Places<'_> {
    /// Finds and reads the baseline of a scenario.
    ///
    /// # Errors
    /// When a strictly wanted one is absent, or one that is there cannot be used.
    pub fn find(&self, wanted: &Wanted, scenario: &str) -> Result<Found> {
        let (path, strict) = match wanted {
            Wanted::Strict(name) => (self.named(name), true),
            Wanted::Lenient(name) => (self.named(name), false),
            Wanted::Recorded => match self.recorded(scenario) {
                Some(path) => (path, false),
                None => {
                    return Ok(nothing("no project here, and so no recorded baseline".to_owned()));
                }
            },
        };
        if path.exists() {
            return read(&path);
        }
        match (strict, wanted) {
            (true, _) => bail!(
                "there is no baseline {}; save one with `--save-baseline`, or compare with whatever \
                 is there by `--baseline-lenient`",
                path.display()
            ),
            (false, Wanted::Recorded) => {
                Ok(nothing(format!("no recorded baseline for {} on {}", scenario, self.machine)))
            }
            (false, _) => Ok(nothing(format!("no baseline {}", path.display()))),
        }
    }

    /// Where a saved baseline of this name lies; a path is itself.
    fn named(&self, name: &str) -> PathBuf {
        match name.ends_with(".json") || name.contains(std::path::is_separator) {
            true => PathBuf::from(name),
            false => self.layout.baseline_file(name),
        }
    }

    fn recorded(&self, scenario: &str) -> Option<PathBuf> {
        let folder = self.project?.join("baseline").join("recorded");
        Some(folder.join(&self.machine.0).join(format!("{scenario}.json")))
    }
}

fn nothing(why: String) -> Found {
    Found { baseline: None, compared_with: ComparedWith::Nothing(why) }
}

fn read(path: &Path) -> Result<Found> {
    let size = path.metadata().map_err(|error| unreadable(path, &error))?.len();
    if size > LARGEST {
        bail!("{} is larger than {LARGEST} bytes: no baseline is", path.display());
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let baseline = Baseline::parse(&text)
        .with_context(|| format!("{} is no usable baseline", path.display()))?;
    let compared_with = ComparedWith::Baseline(path.display().to_string());
    Ok(Found { baseline: Some(baseline), compared_with })
}

fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot read the baseline {}: {error}", path.display())
}

/// Saves a baseline under a name of the user's; whole or not at all.
///
/// # Errors
/// When the name is not plain, or the file cannot be written.
pub fn save(layout: &Layout, name: &str, baseline: &Baseline) -> Result<PathBuf> {
    if !crate::store::ids::is_plain(name) {
        bail!("`{name}` is no name for a baseline: letters, digits, `.`, `_` and `-` only");
    }
    let path = layout.baseline_file(name);
    atomic::write(&path, baseline.to_json().as_bytes())?;
    Ok(path)
}
