//! Where results lie: one folder, and the path of everything in it.

use crate::store::atomic::{FileError, doing};
use crate::store::team::Team;
use std::path::{Path, PathBuf};

/// The results folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
    team: Option<Team>,
}

impl Layout {
    /// The layout under `root`; nothing is created yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), team: None }
    }

    /// The same folder, with what was measured anywhere: whoever asks, asks the team's store. Raw lines that
    /// are not in the folder come from there, too. What is measured into the folder is measured as ever.
    #[must_use]
    pub fn of_team(mut self, team: Team) -> Self {
        self.team = Some(team);
        self
    }

    /// The team's store that is asked instead of the folder's index.
    #[must_use]
    pub fn team(&self) -> Option<&Team> {
        self.team.as_ref()
    }

    /// Whether something was measured into it, or there is a team's store to ask.
    #[must_use]
    pub fn has_index(&self) -> bool {
        self.team.is_some() || self.database().exists()
    }

    /// The runs that are still to be delivered to a team's store or a server.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.root.join("outbox")
    }

    /// Files that other machines send, until they are whole.
    #[must_use]
    pub fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The index over all epochs.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join("tokgate.sqlite")
    }

    /// The file that says who uses the store: shared by everyone, alone while it is rebuilt.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("tokgate.lock")
    }

    /// The raw lines of every epoch.
    #[must_use]
    pub fn raw(&self) -> PathBuf {
        self.root.join("raw")
    }

    /// The raw lines of one epoch.
    #[must_use]
    pub fn raw_file(&self, test_id: &str) -> PathBuf {
        self.raw().join(format!("{test_id}.jsonl"))
    }

    /// What describes one epoch to other tools.
    #[must_use]
    pub fn metadata_file(&self, test_id: &str) -> PathBuf {
        self.metadata().join(format!("{test_id}.json"))
    }

    /// Every benchmark, summarised.
    #[must_use]
    pub fn analysis_file(&self) -> PathBuf {
        self.root.join("analysis").join("summary.json")
    }

    /// The result document of a run or of one epoch, by its id.
    #[must_use]
    pub fn report_file(&self, id: &str) -> PathBuf {
        self.reports().join(format!("{id}.json"))
    }

    /// The page of a run.
    #[must_use]
    pub fn page_file(&self, run_id: &str) -> PathBuf {
        self.reports().join(format!("{run_id}.html"))
    }

    /// The page of several runs.
    #[must_use]
    pub fn side_by_side_file(&self) -> PathBuf {
        self.reports().join("side-by-side.html")
    }

    /// All tests that may be compared, side by side.
    #[must_use]
    pub fn comparison_file(&self) -> PathBuf {
        self.reports().join("COMPARISON.md")
    }

    /// The documents of runs and of epochs.
    #[must_use]
    pub fn reports(&self) -> PathBuf {
        self.root.join("reports")
    }

    /// The pictures of the run that was drawn last.
    #[must_use]
    pub fn plots(&self) -> PathBuf {
        self.root.join("plots")
    }

    /// What describes epochs to other tools.
    #[must_use]
    pub fn metadata(&self) -> PathBuf {
        self.root.join("metadata")
    }

    /// What runs were asked, and which of them have ended.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// What a run was asked.
    #[must_use]
    pub fn run_file(&self, run_id: &str) -> PathBuf {
        self.runs().join(format!("{run_id}.json"))
    }

    /// That a run is complete.
    #[must_use]
    pub fn run_end_file(&self, run_id: &str) -> PathBuf {
        self.runs().join(format!("{run_id}.end.json"))
    }

    /// Who measures a run.
    #[must_use]
    pub fn run_lock(&self, run_id: &str) -> PathBuf {
        self.runs().join(format!("{run_id}.lock"))
    }

    /// Runs as they go on, for whoever looks on.
    #[must_use]
    pub fn live(&self) -> PathBuf {
        self.root.join("live")
    }

    /// What was seen of the machine without a load, a file a day.
    #[must_use]
    pub fn monitor(&self) -> PathBuf {
        self.root.join("monitor")
    }

    /// A run as it was seen last.
    #[must_use]
    pub fn live_file(&self, run_id: &str) -> PathBuf {
        self.live().join(format!("{run_id}.json"))
    }

    /// That somebody still tells of a run.
    #[must_use]
    pub fn live_lock(&self, run_id: &str) -> PathBuf {
        self.live().join(format!("{run_id}.lock"))
    }

    /// What was taken out, a folder a run.
    #[must_use]
    pub fn trash(&self) -> PathBuf {
        self.root.join("trash")
    }

    /// What launched servers and batch commands wrote, with a batch's files.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The files of a commit, as they were checked out to be built and measured.
    #[must_use]
    pub fn checkout(&self, commit: &str) -> PathBuf {
        self.root.join("checkouts").join(commit)
    }

    /// A baseline that the user saved under a name.
    #[must_use]
    pub fn baseline_file(&self, name: &str) -> PathBuf {
        self.baselines().join(format!("{name}.json"))
    }

    /// Copies of the index that the user asked for.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }

    /// The baselines that the user saved.
    #[must_use]
    pub fn baselines(&self) -> PathBuf {
        self.root.join("baselines")
    }

    /// Where baselines are proposed, by machine.
    #[must_use]
    pub fn proposals(&self) -> PathBuf {
        self.root.join("proposals")
    }

    /// What was measured here of loads that several processes send together: nothing of it is in the index.
    #[must_use]
    pub fn parts(&self) -> PathBuf {
        self.root.join("parts")
    }

    /// Makes the folder of one attempt of a worker of a run, for its owner alone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_part(
        &self,
        run_id: &str,
        worker: u32,
        attempt: &str,
    ) -> Result<PathBuf, FileError> {
        let path = self.parts().join(run_id).join(format!("worker-{worker}-{attempt}"));
        make_folder(&path)?;
        // Where it tells whoever looks on.
        make_folder(&self.live())?;
        self.hide_from_git()?;
        Ok(path)
    }

    /// Makes the folders, for their owner alone: answers of a model may be private.
    pub fn create(&self) -> Result<(), FileError> {
        for folder in ["raw", "metadata", "analysis", "reports", "baselines", "runs", "live"] {
            let path = self.root.join(folder);
            make_folder(&path)?;
        }
        self.hide_from_git()
    }

    /// Results are not committed by accident, wherever the folder lies.
    fn hide_from_git(&self) -> Result<(), FileError> {
        let path = self.root.join(".gitignore");
        match path.exists() {
            true => Ok(()),
            false => std::fs::write(&path, "*\n").map_err(doing("write", &path)),
        }
    }

    /// The raw files, by name. Anything but plain `.jsonl` files is left alone.
    pub fn raw_files(&self) -> Result<Vec<PathBuf>, FileError> {
        let folder = self.raw();
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(doing("list", &folder))?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(doing("list", &folder))?;
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.path().extension().is_some_and(|ext| ext == "jsonl") {
                files.push(entry.path());
            }
        }
        files.sort_unstable();
        Ok(files)
    }
}

/// A folder for its owner alone, with those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), FileError> {
    folders().create(path).map_err(doing("create", path))
}

/// A folder's maker; for its owner alone.
#[cfg(unix)]
pub(super) fn folders() -> std::fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
}

#[cfg(not(unix))]
pub(super) fn folders() -> std::fs::DirBuilder {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    builder
}
