//! Where baselines are kept, and which one a run is compared with.

use crate::store::{Layout, atomic, ids};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokgate_baseline::Baseline;
use tokgate_core::diagnostic::escape;
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
    /// Whether it is the recorded one, of other days: it names suspects, and fails nobody but who
    /// left a case out.
    pub recorded: bool,
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
            let recorded = *wanted == Wanted::Recorded;
            return Ok(Found { recorded, ..self.read(&path)? });
        }
        match (strict, wanted) {
            (true, _) => bail!(
                "there is no baseline {}: `tokgate baseline list` names those that there are, and \
                 `tokgate run --save-baseline NAME` saves one",
                path.display()
            ),
            (false, Wanted::Recorded) => {
                Ok(nothing(format!("no recorded baseline for {} on {}", scenario, self.machine)))
            }
            (false, _) => Ok(nothing(format!("no baseline {}", path.display()))),
        }
    }

    /// The baseline in a file; one of the project is called by its place there, which is the same for
    /// everybody who reads a comment.
    fn read(&self, path: &Path) -> Result<Found> {
        let baseline = load(path)?;
        let place = self.project.and_then(|project| path.strip_prefix(project).ok());
        let compared_with = compared(&place.unwrap_or(path).display().to_string(), &baseline);
        Ok(Found { baseline: Some(baseline), compared_with, recorded: false })
    }

    fn named(&self, name: &str) -> PathBuf {
        named(self.layout, name)
    }

    fn recorded(&self, scenario: &str) -> Option<PathBuf> {
        let folder = recorded_folder(self.project?);
        Some(folder.join(&self.machine.0).join(format!("{scenario}.json")))
    }
}

/// Where a saved baseline of this name lies; a path is itself.
#[must_use]
pub fn named(layout: &Layout, name: &str) -> PathBuf {
    match name.ends_with(".json") || name.contains(std::path::is_separator) {
        true => PathBuf::from(name),
        false => layout.baseline_file(name),
    }
}

/// Where a project commits its baselines.
#[must_use]
pub fn recorded_folder(project: &Path) -> PathBuf {
    project.join("baseline").join("recorded")
}

/// The place of a machine's baseline of a scenario below `folder`.
///
/// # Errors
/// When one of the names is no plain one: they may come from anywhere, and become a path.
pub fn place_in(folder: &Path, machine: &MachineId, scenario: &str) -> Result<PathBuf> {
    for (what, name) in [("machine", machine.0.as_str()), ("scenario", scenario)] {
        if !ids::is_plain(name) {
            bail!(
                "the {what} `{}` cannot be the name of a file: letters, digits, `.`, `_` and `-` only; \
                 name one with `tokgate baseline record --to FILE`",
                name.escape_debug()
            );
        }
    }
    Ok(folder.join(&machine.0).join(format!("{scenario}.json")))
}

/// A baseline file that is there, readable or not.
#[derive(Debug)]
pub struct Kept {
    /// The name that it was saved under; of a recorded one, machine and scenario.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What it says, or why it cannot be read.
    pub baseline: Result<Baseline>,
}

/// Every saved baseline, then every recorded one, each by name.
///
/// # Errors
/// When a folder cannot be listed.
pub fn all(project: Option<&Path>, layout: &Layout) -> Result<Vec<Kept>> {
    let mut paths = files(&layout.baselines())?;
    for machine in project.map(recorded_folder).map_or_else(|| Ok(Vec::new()), |it| entries(&it))? {
        paths.extend(files(&machine)?);
    }
    let saved = layout.baselines();
    let kept = |path: PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().filter(|folder| **folder != *saved).and_then(Path::file_name);
        let name = match folder {
            Some(machine) => format!("{}/{stem}", machine.to_string_lossy()),
            None => stem,
        };
        Kept { name, baseline: load(&path), path }
    };
    Ok(paths.into_iter().map(kept).collect())
}

/// The files of the baselines that are proposed, by the machine whose folder they lie in.
///
/// # Errors
/// When a folder cannot be listed.
pub fn proposed(layout: &Layout) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut machines = BTreeMap::new();
    for folder in entries(&layout.proposals())? {
        let (files, name) = (files(&folder)?, folder.file_name().unwrap_or_default());
        if !files.is_empty() {
            machines.insert(name.to_string_lossy().into_owned(), files);
        }
    }
    Ok(machines)
}

/// The JSON files of a folder by name; what an interrupted write left behind is none.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_json = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    Ok(entries(folder)?.into_iter().filter(is_json).collect())
}

/// What lies in a folder, by name; nothing where it is not there, or is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let listed = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let listed = listed.with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = listed.into_iter().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    Ok(paths)
}

fn nothing(why: String) -> Found {
    Found { baseline: None, compared_with: ComparedWith::Nothing(why), recorded: false }
}

/// Which baseline a run is compared with, and why that should be trusted less.
#[must_use]
pub fn compared(name: &str, baseline: &Baseline) -> ComparedWith {
    let marks = &baseline.provenance.marks;
    ComparedWith::Baseline(match marks.is_empty() {
        true => name.to_owned(),
        false => format!("{name} (marked: {})", escape(&marks.join("; "))),
    })
}

/// Reads a baseline file.
///
/// # Errors
/// When it is not there, or is not exactly a baseline.
pub fn load(path: &Path) -> Result<Baseline> {
    let text = text(path)?;
    Baseline::parse(&text).with_context(|| format!("{} is no usable baseline", path.display()))
}

/// The text of a baseline file, which nobody has checked.
fn text(path: &Path) -> Result<String> {
    let metadata = path.metadata().map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        bail!("{} is not a plain file, and no baseline", path.display());
    }
    if metadata.len() > LARGEST {
        bail!("{} is larger than {LARGEST} bytes: no baseline is", path.display());
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot read the baseline {}: {error}", path.display())
}

/// Saves a baseline under a name of the user's; whole or not at all.
///
/// # Errors
/// When the name is not plain, or the file cannot be written.
pub fn save(layout: &Layout, name: &str, baseline: &Baseline) -> Result<PathBuf> {
    if !ids::is_plain(name) {
        bail!("`{name}` is no name for a baseline: letters, digits, `.`, `_` and `-` only");
    }
    let path = layout.baseline_file(name);
    put(&path, baseline)?;
    Ok(path)
}

/// Writes a baseline to a file, whose folder is made; whole or not at all.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn put(path: &Path, baseline: &Baseline) -> Result<()> {
    put_text(path, &baseline.to_json())
}

/// Writes a text to a file, whose folder is made; whole or not at all.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn put_text(path: &Path, text: &str) -> Result<()> {
    // A bare name has no folder to be synced; the whole path has one.
    let path = std::path::absolute(path)
        .with_context(|| format!("there is no place called {}", path.display()))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    Ok(atomic::write(&path, text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_from_outside_leaves_its_folder() {
        let machine = |name: &str| MachineId(name.to_owned());
        let folder = Path::new("recorded");
        assert_eq!(
            place_in(folder, &machine("rtx-4090-x1"), "quick").unwrap(),
            folder.join("rtx-4090-x1").join("quick.json")
        );
        for (key, scenario) in [("..", "quick"), ("a/b", "quick"), ("a", "../x"), ("a", "")] {
            let refused = place_in(folder, &machine(key), scenario).unwrap_err().to_string();
            assert!(refused.contains("cannot be the name of a file"), "{refused}");
        }
    }

    #[test]
    fn what_lies_among_baselines_is_read_or_told_and_leftovers_are_neither() {
        let project = tempfile::tempdir().unwrap();
        let machine = recorded_folder(project.path()).join("m");
        std::fs::create_dir_all(machine.join("folder.json")).unwrap();
        for file in [".tokgate-abc", "README.md", "empty.json"] {
            std::fs::write(machine.join(file), "").unwrap();
        }
        let layout = Layout::new(project.path().join("results"));
        let kept = all(Some(project.path()), &layout).unwrap();
        let told = |at: usize| format!("{:#}", kept[at].baseline.as_ref().unwrap_err());
        let names: Vec<&str> = kept.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["m/empty", "m/folder"]);
        assert!(told(0).contains("the file is empty"), "{}", told(0));
        assert!(told(1).contains("not a plain file"), "{}", told(1));
    }
}
